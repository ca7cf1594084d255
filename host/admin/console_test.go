package admin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestOverviewShowsHowEverythingIs(t *testing.T) {
	w := newWorld(t)
	w.paid(1)
	w.paid(2, inDoubt)
	w.paid(3, func(rec *store.Record) { rec.MerchantAccount = "other" })
	page := w.operator().get("/console").want(http.StatusOK).
		says("Acme Pay", "serving", "it was brought up", "1 minute ago", "1.2.0", "abababababab", "1 call<", "find payment", "JPY, EUR").
		says("ref1", "capture succeeded", "¥2,500", "¥2,000", "shop-1").
		says("ref2", "in doubt", `href="/console/payments/00000000-0000-4000-8000-000000000002"`).
		silent("ref3", "Older", "Newest")
	if strings.Count(page.text, "in doubt") != 1 {
		t.Error("one row is in doubt")
	}
	w.operator().get("/console?account=other").want(http.StatusOK).says("ref3").silent("ref1")
	w.operator().get("/console?q=shop-2").want(http.StatusOK).says("ref2", `value="shop-2"`).silent("ref1")
	w.operator().get("/console?q=nobody+has+this").want(http.StatusOK).says("No payment has “nobody has this”")
	w.operator().get("/console?cursor=made-up").want(http.StatusBadRequest).says("no such list")
}

func TestOverviewOfNothing(t *testing.T) {
	w := newWorld(t)
	w.host.connectors, w.host.releases = nil, nil
	w.operator().get("/console").want(http.StatusOK).says("No connector is active", "No payments yet").silent("In doubt")
}

func TestOverviewPagesThroughPayments(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 25; n++ {
		w.paid(n)
		w.clock.advance(time.Second)
	}
	b := w.operator()
	first := b.get("/console").want(http.StatusOK).says(">ref25<", ">ref6<", "Older").silent(">ref5<")
	_, after, _ := strings.Cut(first.text, `cursor=`)
	cursor, _, _ := strings.Cut(after, `"`)
	b.get("/console?account=default&cursor="+cursor).want(http.StatusOK).says(">ref5<", ">ref1<", "Newest").silent(">ref6<", "Older")
}

func TestOverviewNamesNoMoreThanTen(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 11; n++ {
		w.paid(n, inDoubt)
	}
	page := w.operator().get("/console").want(http.StatusOK).says("and more")
	if named := strings.Count(page.text, "<li><a href=\"/console/payments/"); named != 10 {
		t.Errorf("%d payments in doubt are named", named)
	}
}

func TestAConnectorWithoutARelease(t *testing.T) {
	w := newWorld(t)
	w.host.connectors[0] = supervise.Status{Connector: "acme", Instance: supervise.Instance{State: supervise.Stopped, Cause: "nothing was activated"}}
	w.operator().get("/console").want(http.StatusOK).says("acme", "stopped", "none")
	w.operator().get("/console/connectors/acme").want(http.StatusOK).says("nothing was activated")
}

func TestPaymentPageTellsTheWholeStory(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, func(rec *store.Record) {
		rec.Metadata = map[string]string{"shelf": "7"}
		rec.Added = append(rec.Added,
			happened(1, 9, "integrity-mismatch", `{"error":"the provider reports order_2"}`),
			happened(1, 10, "something-new", `{"weight":{"kg":3}}`))
	})
	page := w.operator().get("/console/payments/"+string(id)).want(http.StatusOK).
		says("¥2,500", "¥2,000", "capture succeeded", "ref1", "shop-1", "default", "manual", "山田 花子", "hanako@example.com", "湯呑み", "¥1,250").
		says("order_1", "cap_1", "captured", "shelf", "7", "authorize", "abababababab").
		says("contradicts this payment", "something-new", `{&#34;kg&#34;:3}`).
		silent("approval page", "The beginning is left out")
	asked := strings.Index(page.text, "Asked acme to authorize ¥2,500.")
	told := strings.Index(page.text, "Answer to authorize ¥2,500: done. The provider says: ok.")
	became := strings.Index(page.text, "The status is now authorization succeeded; it was processing.")
	if asked < 0 || told < asked || became < told {
		t.Errorf("the story is not told oldest first: %d, %d, %d", asked, told, became)
	}
}

func TestPaymentThatWaitsForItsBuyerLinksThePage(t *testing.T) {
	waiting := func(link string) func(*store.Record) {
		return func(rec *store.Record) {
			rec.Operations = rec.Operations[:1]
			rec.Operations[0].Outcome, rec.Operations[0].Processed = sdk.OutcomeRequiresAction, nil
			rec.Truth = ledger.Truth{State: sdk.StateRequiresAction, Next: &sdk.Next{RedirectURL: link}}
		}
	}
	w := newWorld(t)
	id := w.paid(1, waiting("https://pay.acme.example/checkout?x=1&y=2"))
	w.operator().get("/console/payments/"+string(id)).want(http.StatusOK).
		says(`href="https://pay.acme.example/checkout?x=1&amp;y=2"`, "in 30 minutes", "buyer approval pending")
	id = w.paid(2, waiting("javascript:alert(1)"))
	w.operator().get("/console/payments/" + string(id)).want(http.StatusOK).silent("javascript:")
}

func TestPaymentInDoubtOrClosedSaysSo(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, inDoubt)
	w.operator().get("/console/payments/"+string(id)).want(http.StatusOK).says("in doubt", "unknown")
	id = w.paid(2, func(rec *store.Record) {
		rec.Operations, rec.Truth = rec.Operations[:1], ledger.Truth{}
		rec.Operations[0].Outcome, rec.Operations[0].Processed = "", nil
		rec.Closing = &ledger.Closing{Reason: ledger.ClosedExpired, At: noon}
		rec.Request = json.RawMessage(`{}`)
		rec.Added = nil
	})
	w.operator().get("/console/payments/"+string(id)).want(http.StatusOK).says("under way, or in doubt", "approval expired", "Nothing yet").
		silent("What was asked")
}

func TestALongStoryIsCutAtItsBeginning(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, func(rec *store.Record) {
		rec.Added = nil
		for i := range 501 {
			rec.Added = append(rec.Added, happened(1, i, "step", fmt.Sprintf(`{"n":"number %d."}`, i)))
		}
	})
	w.operator().get("/console/payments/"+string(id)).want(http.StatusOK).says("The beginning is left out", "number 1.", "number 500.").silent("number 0.")
}

const nasty = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

func TestWhateverOthersSayIsEscaped(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, func(rec *store.Record) {
		request, err := json.Marshal(settle.Request{Authorize: sdk.AuthorizeRequest{
			Amount: sdk.JPY(2500), Buyer: &sdk.Buyer{DisplayName: nasty},
			Billing: &sdk.Contact{FirstName: nasty, LastName: nasty, Email: nasty}, Cart: []sdk.CartItem{{Name: nasty}},
		}})
		w.must(err)
		rec.Request, rec.ExternalID, rec.Metadata = request, nasty, map[string]string{nasty: nasty}
		rec.Method, rec.MerchantAccount = nasty, "default"
		rec.Truth.Order, rec.Truth.Session = sdk.OrderRef(nasty), nasty
		rec.Truth.Provider = sdk.Provider{Status: nasty, Code: nasty, Message: nasty}
		rec.Truth.Captures[0].Ref = sdk.CaptureRef(nasty)
		rec.Operations[1].Code, rec.Operations[1].Provider.Message, rec.Operations[1].ExternalID = sdk.Code(nasty), nasty, nasty
		context, err := json.Marshal(map[string]any{
			"kind": nasty, "error": nasty, "connector": nasty, "from": nasty, "to": nasty, nasty: nasty,
			"provider": sdk.Provider{Message: nasty}, "currency": nasty,
		})
		w.must(err)
		for i, name := range []string{
			nasty, "integrity-mismatch", "transaction-updated-status", "payment-connector-external-transaction-request",
			"payment-connector-response-transaction-x", "transaction-sync-event", "transaction-modified-event",
		} {
			rec.Added = append(rec.Added, happened(1, 20+i, name, string(context)))
		}
	})
	evil := acme
	evil.Description.Manifest.DisplayName, evil.Version = nasty, nasty
	evil.Description.Manifest.Countries = []string{nasty}
	evil.Description.Manifest.Egress = []string{nasty}
	w.host.releases = []fleet.Release{evil}
	w.host.connectors[0].Cause, w.host.connectors[0].Version = nasty, nasty
	w.host.connectors[0].LastExit = &supervise.Exit{At: noon, Reason: nasty}
	w.host.connectors[0].Others = []supervise.Instance{{State: supervise.State(nasty)}}
	w.lived("acme", supervise.Event{To: supervise.Crashed, Cause: nasty, Version: nasty, At: noon, Exit: &supervise.Exit{Reason: nasty + ".", LastLines: []string{nasty}}})
	w.payments.fail = errors.New(nasty)

	b := w.operator()
	b.post("/console/payments/"+string(id)+"/settle", b.get("/console/payments/"+string(id)).form())
	for _, path := range []string{
		"/console/payments/" + string(id), "/console", "/console?q=" + url.QueryEscape(nasty), "/console?account=" + url.QueryEscape(nasty),
		"/console/connectors/acme", "/console/payments/" + url.PathEscape(nasty),
		"/console/returned?transaction_id=" + url.QueryEscape(nasty) + "&transaction_status=" + url.QueryEscape(nasty),
	} {
		t.Run(path, func(t *testing.T) {
			w.t = t
			a := b.get(path).silent("<script", "<img")
			if !strings.Contains(path, "payments/%3C") {
				a.says("&lt;script&gt;alert(1)&lt;/script&gt;")
			}
		})
	}
	w.t = t
	w.browser().get("/console/connectors/"+url.PathEscape(nasty)).want(http.StatusUnauthorized).silent("<script", "<img")
}

func TestConnectorPageShowsWhatItIsAndWhatHappened(t *testing.T) {
	w := newWorld(t)
	other := acme
	other.Version, other.Digest = "1.1.0", strings.Repeat("cd", 32)
	w.host.releases = append(w.host.releases, other)
	w.host.connectors[0].LastExit = &supervise.Exit{At: noon.Add(-time.Hour), Reason: "exit code 2"}
	w.lived("acme",
		supervise.Event{At: noon, Generation: 1, Version: "1.1.0", To: supervise.Serving, Cause: "it was brought up"},
		supervise.Event{At: noon, Generation: 1, Version: "1.1.0", To: supervise.Crashed, Cause: "it ended by itself", InFlight: 3,
			Exit: &supervise.Exit{Reason: "exit code 2", LastLines: []string{"panic: nil map", "goroutine 1 [running]:"}}})
	page := w.operator().get("/console/connectors/acme").want(http.StatusOK).
		says("Acme Pay", acme.Digest, "generation", "4711", "exit code 2, 1 hour ago", "2 without being asked").
		says("30 minutes", "at most 249", "api.acme.example:443", "version 1<").
		says("1.1.0", "cdcdcdcdcdcd", "held", "not held").
		says("panic: nil map\ngoroutine 1 [running]:", "3 calls in flight").
		silent("next start", "Older steps")
	if strings.Index(page.text, "it ended by itself") > strings.LastIndex(page.text, "it was brought up") {
		t.Error("the history is not newest first")
	}
	w.operator().get("/console/connectors/nobody").want(http.StatusNotFound).says("no such page")
}

func TestConnectorThatWaitsSaysUntilWhen(t *testing.T) {
	w := newWorld(t)
	w.host.connectors[0].State, w.host.connectors[0].StartAt = supervise.Backoff, noon.Add(12*time.Second)
	w.operator().get("/console/connectors/acme").want(http.StatusOK).says("next start", "in 12 seconds")
}

func TestCallsThatKillAreNamed(t *testing.T) {
	w := newWorld(t)
	deadly := slot.Flight{Kind: sdk.OpCapture, Payment: "00000000-0000-4000-8000-000000000007", Attempt: 2, Subject: "op-7"}
	w.host.connectors[0].Parked = []supervise.Suspect{{Flight: deadly, Deaths: 2, Last: noon.Add(-time.Hour), Parked: true}}
	w.host.connectors[0].Others = []supervise.Instance{{Ref: supervise.Ref{Generation: 2, Version: "1.1.0"}, State: supervise.Draining, Warm: true}}
	w.lived("acme", supervise.Event{At: noon, To: supervise.Crashed, Cause: "it ended by itself", Aboard: []slot.Flight{deadly}})
	w.operator().get("/console").want(http.StatusOK).says("parked", "1 call<")
	w.operator().get("/console/connectors/acme").want(http.StatusOK).
		says("the connector died under it 2 times, last 1 hour ago", "aboard: capture of", "attempt 2", "generation 2, 1.1.0: draining, kept warm", "connectors unpark acme op-7").
		says(`href="/console/payments/00000000-0000-4000-8000-000000000007"`)
}

func TestALongHistoryIsCut(t *testing.T) {
	w := newWorld(t)
	for n := range 201 {
		w.lived("acme", supervise.Event{At: noon, To: supervise.Starting, Cause: fmt.Sprintf("number %d.", n)})
	}
	w.operator().get("/console/connectors/acme").want(http.StatusOK).says("Older steps", "number 200.", "number 1.").silent("number 0.")
}

func TestWhatAButtonBroughtAboutIsSaid(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1)
	payment, restart := "/console/payments/"+string(id), "/console/connectors/acme"
	for name, tt := range map[string]struct {
		page, action string
		prepare      func()
		says         string
	}{
		"settled":            {payment, "/settle", func() {}, "Nothing about this payment is in doubt"},
		"not settled":        {payment, "/settle", func() { w.payments.settled = false }, "still unsettled"},
		"provider is down":   {payment, "/settle", func() { w.payments.fail = errors.New("no route to host") }, "Not done: the provider could not be asked: no route to host"},
		"restarted":          {restart, "/restart", func() {}, "generation 4"},
		"quarantined":        {restart, "/restart", func() { w.host.fail = supervise.ErrQuarantined }, "Not done: the connector is quarantined"},
		"restart is refused": {restart, "/restart", func() { w.host.fail = supervise.ErrRefused }, "Not done: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t, w.payments.settled, w.payments.fail, w.host.fail = t, true, nil, nil
			tt.prepare()
			b := w.operator()
			b.post(tt.page+tt.action, b.get(tt.page).form()).want(http.StatusSeeOther)
			b.get(tt.page).want(http.StatusOK).says(tt.says)
		})
	}
	w.t, w.payments.fail = t, fmt.Errorf("payment: %w", store.ErrNotFound)
	b := w.operator()
	b.post(payment+"/settle", b.get(payment).form()).want(http.StatusNotFound)
	b.post("/console/connectors/nobody/restart", b.get(payment).form()).want(http.StatusNotFound)
}

func TestAPageThatFailsSaysSoAndLogsWhy(t *testing.T) {
	w := newWorld(t)
	b := w.operator()
	w.must(w.store.Close(t.Context()))
	for _, path := range []string{"/console", "/console/payments/00000000-0000-4000-8000-000000000001", "/console/connectors/acme"} {
		b.get(path).want(http.StatusInternalServerError).says("cannot be shown now").silent("store is closed")
	}
	if !strings.Contains(w.log.String(), "store is closed") {
		t.Errorf("the log says %s", w.log)
	}
}

func TestWhereADevelopmentBuyerLands(t *testing.T) {
	w := newWorld(t)
	id := string(w.paid(1))
	for name, b := range map[string]*browser{"without a session": w.browser(), "with one": w.operator()} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			b.get("/console/returned?transaction_id="+id+"&transaction_status=authorization_succeeded").want(http.StatusOK).
				says("The buyer is back", "購入者が戻りました", id, "authorization_succeeded", "proves nothing", "何も証明しません").
				says(`href="/console/payments/`+id+`"`).silent("¥2,500", "Acme", "shop-1")
			b.get("/console/returned").want(http.StatusOK).says("none", "なし").silent("/console/payments")
			b.get("/console/returned?transaction_id=../connectors/acme").want(http.StatusOK).silent(`href="/console/payments`, `href="../`)
			b.get("/console/returned?transaction_id=" + strings.Repeat("x", 5000)).want(http.StatusOK).
				says(strings.Repeat("x", 80) + "…").silent(strings.Repeat("x", 81))
		})
	}
}
