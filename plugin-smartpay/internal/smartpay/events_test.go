package smartpay

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/sdk"
)

// A hookedBench is a bench that is notified.
type hookedBench struct {
	*bench
	inbox   *inbox
	secrets []sdk.SigningSecret
}

func newHookedBench(t testing.TB) hookedBench {
	t.Helper()
	return hooked(t, newBench(t))
}

// hooked has the merchant of b notified.
func hooked(t testing.TB, b *bench) hookedBench {
	t.Helper()
	in := newInbox(t)
	registration, err := b.RegisterWebhook(t.Context(), sdk.RegisterWebhookRequest{Call: b.call(""), URL: in.url})
	if err != nil {
		t.Fatalf("RegisterWebhook: %v", err)
	}
	return hookedBench{b, in, []sdk.SigningSecret{{RegistrationID: registration.ID, Secret: registration.Secret}}}
}

// next is the next delivery as a host would hand it on.
func (b hookedBench) next() sdk.WebhookRequest {
	b.t.Helper()
	req := b.inbox.next(b.t)
	req.Call, req.Now, req.Secrets = b.read(""), time.Now(), b.secrets
	req.Tolerance = 30 * 24 * time.Hour // the stand-in's clock is moved
	return req
}

func (b hookedBench) reading(req sdk.WebhookRequest) sdk.WebhookReading {
	b.t.Helper()
	got, err := b.ReadWebhook(b.t.Context(), req)
	if err != nil || got.Refused != nil {
		b.t.Fatalf("ReadWebhook = %+v, %v", got, err)
	}
	return got
}

// A webhook says nothing that a lookup at the same moment denies.
func TestEventsAndLookupsAgree(t *testing.T) {
	b := newHookedBench(t)
	order := b.approved("Ragree", 1000, sdk.CaptureManual)
	agree := func(what string) {
		t.Helper()
		reading, found := b.reading(b.next()), b.find(order)
		said := reading.Observations[0]
		for name, pair := range map[string][2]*sdk.Money{
			"authorized": {said.Authorized, found.Authorized}, "captured": {said.Captured, found.Captured},
			"released": {said.Released, found.Released}, "refunded": {said.Refunded, found.Refunded},
		} {
			if pair[0] != nil && !cmp.Equal(pair[0], pair[1]) {
				t.Errorf("%s: the event says %s %v, the lookup %v", what, name, pair[0], pair[1])
			}
		}
		if said.State != "" && said.State != found.State || said.Order != "" && said.Order != order {
			t.Errorf("%s: the event says %s of %s, the lookup %s of %s", what, said.State, said.Order, found.State, order)
		}
		for _, c := range said.Captures {
			if !slices.ContainsFunc(found.Captures, func(f sdk.CaptureSnapshot) bool { return cmp.Equal(f, c) }) {
				t.Errorf("%s: the event says %+v, the lookup %+v", what, c, found.Captures)
			}
		}
		for _, r := range said.Refunds {
			if !slices.ContainsFunc(found.Refunds, func(f sdk.RefundSnapshot) bool { return cmp.Equal(f, r) }) {
				t.Errorf("%s: the event says %+v, the lookup %+v", what, r, found.Refunds)
			}
		}
		if !reading.ReadAgain {
			t.Errorf("%s: the event is to be believed without a lookup", what)
		}
	}
	agree("approved")
	capture := b.captured(order, 400, false)
	agree("captured")
	if _, err := b.refund(order, capture, 100); err != nil {
		t.Fatal(err)
	}
	agree("refunded")
	other := b.authorize("Rdenied", 1000, sdk.CaptureManual)
	order = other.Order
	b.decide("Rdenied", "decline", "")
	agree("declined")
	order = b.approved("Rvoided", 1000, sdk.CaptureManual)
	b.next() // approved
	if _, err := b.Void(t.Context(), sdk.VoidRequest{Call: b.call("Rvoided"), Order: order}); err != nil {
		t.Fatal(err)
	}
	agree("voided")
}

func TestOneEventDeliveredManyTimes(t *testing.T) {
	b := newHookedBench(t)
	b.arm(`{"on":"webhook","event":"order.authorized","nth":1,"do":"duplicate","copies":4}`)
	b.approved("Rdup", 1000, sdk.CaptureManual)
	first := b.reading(b.next())
	for range 4 {
		if diff := cmp.Diff(first, b.reading(b.next())); diff != "" {
			t.Errorf("delivered again (-first +again):\n%s", diff)
		}
	}
	b.approved("Rdup2", 1000, sdk.CaptureManual)
	if other := b.reading(b.next()); other.EventID == first.EventID {
		t.Errorf("two events are both called %s", first.EventID)
	}
}

// In whatever order events arrive, each reads as it did, none asks to be believed, and the
// newest of what they say of the order is what a lookup says.
func TestEventsInEveryOrder(t *testing.T) {
	b := newHookedBench(t)
	order := b.approved("Rperm", 1000, sdk.CaptureManual)
	b.advance(time.Second)
	first := b.captured(order, 300, false)
	b.advance(time.Second)
	b.captured(order, 200, false)
	b.advance(time.Second)
	if _, err := b.refund(order, first, 100); err != nil {
		t.Fatal(err)
	}
	var deliveries []sdk.WebhookRequest
	var readings []sdk.WebhookReading
	for range 4 {
		req := b.next()
		deliveries, readings = append(deliveries, req), append(readings, b.reading(req))
	}
	truth := b.find(order)
	permute(len(deliveries), func(turn []int) {
		var newest int64
		for _, i := range turn {
			got := b.reading(deliveries[i])
			if diff := cmp.Diff(readings[i], got); diff != "" {
				t.Fatalf("in the order %v event %d reads (-before +now):\n%s", turn, i, diff)
			}
			if !got.ReadAgain {
				t.Errorf("event %d asks to be believed", i)
			}
			newest = max(newest, got.Observations[0].Revision)
		}
		if newest > truth.Revision {
			t.Errorf("an event claims to be newer than the lookup: %d, %d", newest, truth.Revision)
		}
	})
}

// permute calls visit with every order of n things.
func permute(n int, visit func([]int)) {
	turn := make([]int, n)
	for i := range turn {
		turn[i] = i
	}
	var place func(int)
	place = func(k int) {
		if k == n {
			visit(turn)
			return
		}
		for i := k; i < n; i++ {
			turn[k], turn[i] = turn[i], turn[k]
			place(k + 1)
			turn[k], turn[i] = turn[i], turn[k]
		}
	}
	place(0)
}

// An event may overtake the answer to the call that caused it: it names the operation, so
// that the host knows it again.
func TestEventBeforeTheAnswer(t *testing.T) {
	b := newHookedBench(t)
	order := b.approved("Rearly", 1000, sdk.CaptureManual)
	b.next()
	b.arm(`{"on":"webhook","event":"payment.created","do":"early"}`)
	result, err := b.Capture(t.Context(), sdk.CaptureRequest{Call: b.call("Rearly"), Order: order, Amount: sdk.JPY(400), Final: true})
	if err != nil {
		t.Fatal(err)
	}
	said := b.reading(b.next()).Observations[0]
	if said.Order != order || len(said.Captures) != 1 || !cmp.Equal(said.Captures[0], result.Payment.Captures[0]) {
		t.Errorf("the event says %+v, the answer %+v", said, result.Payment)
	}
}

func TestDeliveriesThatTheStandInSpoils(t *testing.T) {
	b := newHookedBench(t)
	b.arm(`{"on":"webhook","nth":1,"do":"wrong_signature"}`, `{"on":"webhook","nth":2,"do":"wrong_signature","how":"missing"}`,
		`{"on":"webhook","nth":3,"do":"wrong_signature","how":"body"}`)
	for _, want := range []sdk.Code{sdk.CodeSignatureInvalid, sdk.CodeSignatureMissing, sdk.CodeSignatureInvalid} {
		b.approved(sdk.Reference("Rspoilt"+strings.Repeat("x", b.n)), 1000, sdk.CaptureManual)
		got, err := b.ReadWebhook(t.Context(), b.next())
		if err != nil || got.Refused == nil || got.Refused.Code != want || got.Respond.Status == 200 || got.EventID != "" {
			t.Errorf("ReadWebhook = %+v, %v; want %s", got, err, want)
		}
	}
	replayed := b.approved("Rreplay", 1000, sdk.CaptureManual)
	req := b.next()
	req.Tolerance, req.Now = 5*time.Minute, req.Now.Add(6*time.Minute)
	if got, err := b.ReadWebhook(t.Context(), req); err != nil || got.Refused == nil || got.Refused.Code != sdk.CodeTimestampSkew {
		t.Errorf("a delivery about %s, replayed later: %+v, %v", replayed, got, err)
	}
}

// What another merchant's endpoint is notified of is not for us, whatever it says.
func TestDeliveryForAnotherAccount(t *testing.T) {
	b := newHookedBench(t)
	merchant := *b.bench
	merchant.account = account(b.url + "/v1")
	merchant.account.Secrets = map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret("sk_test_AAAAAAAAAAAAAAAAAAAAAA")}
	other := hooked(t, &merchant)
	other.approved("Rtheirs", 1000, sdk.CaptureManual)
	req := other.next()
	req.Secrets = b.secrets
	for _, header := range []string{req.Headers[headerSubscription][0], b.secrets[0].RegistrationID} {
		req.Headers[headerSubscription] = []string{header}
		got, err := b.ReadWebhook(t.Context(), req)
		if err != nil || got.Refused == nil || got.Refused.Code != sdk.CodeSignatureInvalid {
			t.Errorf("ReadWebhook = %+v, %v", got, err)
		}
	}
	b.approved("Rlive", 1000, sdk.CaptureManual)
	req = b.next()
	req.Call.Account.Mode = sdk.ModeLive
	req.Call.Account.Secrets = map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret(strings.Replace(testKey, "test", "live", 1))}
	got, err := b.ReadWebhook(t.Context(), req)
	if err != nil || got.Refused == nil || got.Refused.Code != sdk.CodeEnvironmentMismatch {
		t.Errorf("a test event at a live account: %+v, %v", got, err)
	}
}
