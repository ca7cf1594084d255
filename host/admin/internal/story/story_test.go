package story_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/admin/internal/story"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

var scales = story.Scales{"JPY": 0, "EUR": 2, "KWD": 3, "SEK": 2}

func TestMoneyIsShownAsPeopleWriteIt(t *testing.T) {
	for want, m := range map[string]sdk.Money{
		"¥2,500":                      sdk.JPY(2500),
		"¥0":                          sdk.JPY(0),
		"−¥1,000":                     sdk.JPY(-1000),
		"¥999":                        sdk.JPY(999),
		"€10.50":                      {Minor: 1050, Currency: "EUR"},
		"€0.05":                       {Minor: 5, Currency: "EUR"},
		"−€0.05":                      {Minor: -5, Currency: "EUR"},
		"€1,234,567.89":               {Minor: 123456789, Currency: "EUR"},
		"1.234 KWD":                   {Minor: 1234, Currency: "KWD"},
		"12.00 SEK":                   {Minor: 1200, Currency: "SEK"},
		"1,050 minor units of XTS":    {Minor: 1050, Currency: "XTS"},
		"−1,050 minor units of XTS":   {Minor: -1050, Currency: "XTS"},
		"¥9,223,372,036,854,775,807":  sdk.JPY(math.MaxInt64),
		"−¥9,223,372,036,854,775,808": sdk.JPY(math.MinInt64),
	} {
		if got := scales.Show(m); got != want {
			t.Errorf("%s is shown as %q, want %q", m, got, want)
		}
	}
}

// Taking the commas, the point and the names away again must leave the number.
func TestMoneyKeepsEveryDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		currency := sdk.Currency(rapid.SampledFrom([]string{"JPY", "EUR", "KWD", "SEK", "XTS"}).Draw(t, "currency"))
		minor := rapid.Int64().Draw(t, "minor")
		text := scales.Show(sdk.Money{Minor: minor, Currency: currency})
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, text)
		want := strings.TrimPrefix(fmt.Sprint(minor), "-")
		if strings.TrimLeft(digits, "0") != strings.TrimLeft(want, "0") || strings.HasPrefix(text, "−") != (minor < 0) {
			t.Fatalf("%d %s is shown as %q", minor, currency, text)
		}
	})
}

func TestScalesAreWhatConnectorsSay(t *testing.T) {
	got := story.ScalesOf(
		sdk.Description{Manifest: sdk.Manifest{Currencies: []sdk.CurrencyFact{{Code: "JPY"}}}},
		sdk.Description{Manifest: sdk.Manifest{Currencies: []sdk.CurrencyFact{{Code: "EUR", Exponent: 2}}}},
	)
	if diff := cmp.Diff(story.Scales{"JPY": 0, "EUR": 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestEventsAreTold(t *testing.T) {
	const request, answer = "payment-connector-external-transaction-request", "payment-connector-response-transaction-capture-x"
	for want, tt := range map[string]struct {
		name, context string
		tone          story.Tone
	}{
		"Asked smartpay to capture ¥2,000.": {request,
			`{"kind":"capture","amount":2000,"currency":"JPY","connector":"smartpay"}`, story.Plain},
		"Sent again, attempt 2 with the same key: refund.":      {request, `{"kind":"refund","attempt":2}`, story.Plain},
		"Answer to capture ¥2,000: done.":                       {answer, `{"kind":"capture","amount":2000,"currency":"JPY","outcome":"SUCCEEDED"}`, story.Good},
		"Answer to capture: accepted, to be carried out later.": {answer, `{"kind":"capture","outcome":"PENDING"}`, story.Wait},
		"Answer to authorize: the buyer must go on. The provider says: requires_authorization.": {answer,
			`{"kind":"authorize","outcome":"REQUIRES_ACTION","provider":{"status":"requires_authorization"}}`, story.Wait},
		"Answer to authorize: declined (order_rejected). The provider says: rejected, E1, no credit.": {answer,
			`{"kind":"authorize","outcome":"DECLINED","code":"order_rejected","provider":{"status":"rejected","code":"E1","message":"no credit"}}`, story.Bad},
		"Answer to void: not carried out; nothing moved (connect_refused).": {answer,
			`{"kind":"void","outcome":"NOT_ATTEMPTED","code":"connect_refused"}`, story.Bad},
		"Answer to refund: in doubt; money may have moved (read_timeout).": {answer,
			`{"kind":"refund","outcome":"UNKNOWN","code":"read_timeout"}`, story.Bad},
		"Answer to cancel: in doubt; money may have moved.": {answer, `{"kind":"cancel","outcome":"SOMETHING_NEW"}`, story.Bad},
		"The status is now capture succeeded; it was capture pending.": {"transaction-updated-status",
			`{"from":"capture_pending","to":"capture_succeeded","error_code":""}`, story.Good},
		"The status is now authorization failed; it was buyer approval pending. Reason: expired buyer approval.": {"transaction-updated-status",
			`{"from":"buyer_approval_pending","to":"authorization_failed","error_code":"expired_buyer_approval"}`, story.Bad},
		"The status is now authorization voided; it was authorization succeeded.": {"transaction-updated-status",
			`{"from":"authorization_succeeded","to":"authorization_voided"}`, story.Off},
		"The status is now capture pending; it was authorization succeeded.": {"transaction-updated-status",
			`{"from":"authorization_succeeded","to":"capture_pending"}`, story.Wait},
		"The provider sent word: the payment is captured. The provider says: succeeded.": {"payment-connector-transaction-webhook-processed",
			`{"source":"webhook","state":"CAPTURED","provider":{"status":"succeeded"}}`, story.Plain},
		"The buyer came back and the provider was asked: the payment is authorized.": {"transaction-sync-event",
			`{"source":"return","state":"AUTHORIZED"}`, story.Plain},
		"The merchant had the provider asked: the payment is voided.": {"transaction-sync-event", `{"source":"sync","state":"VOIDED"}`, story.Plain},
		"The host asked the provider.":                                {"transaction-sync-event", `{"source":"settle"}`, story.Plain},
		"The provider was seen.":                                      {"transaction-sync-event", `{"source":"elsewhere"}`, story.Plain},
		"The merchant changed what it says of the payment.":           {"transaction-modified-event", `{"amount":"odd"}`, story.Plain},
		"The provider contradicts this payment, and was not believed: another order.": {"integrity-mismatch",
			`{"error":"another order"}`, story.Bad},
		"A person is needed: after 7 looks nobody knows how it ended.": {"settlement-needs-operator", `{"looks":7}`, story.Bad},
		"Nobody waits for the buyer any more, and after 5 looks the provider would still let the payment be approved. The provider says: open.": {
			"approval-still-possible", `{"looks":5,"state":"REQUIRES_ACTION","provider":{"status":"open"}}`, story.Bad},
		"The provider still holds ¥2,500, though its hold was to end at 2026-11-30 09:00:00.": {
			"authorization-outlived", `{"amount":2500,"currency":"JPY","ended":"2026-11-30T09:00:00Z"}`, story.Bad},
		"an-event-of-tomorrow": {"an-event-of-tomorrow", `{}`, story.Plain},
		"integrity-mismatch":   {"integrity-mismatch", `{"error":{"of":"tomorrow"}}`, story.Plain},
	} {
		t.Run(want, func(t *testing.T) {
			at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
			line := scales.Tell(store.Event{Name: tt.name, At: at, Context: json.RawMessage(tt.context)})
			if line.Sentence != want || line.Tone != tt.tone {
				t.Errorf("told as %q, %s; want %s", line.Sentence, line.Tone, tt.tone)
			}
			if line.Name != tt.name || !line.At.Equal(at) {
				t.Errorf("%s at %s became %s at %s", tt.name, at, line.Name, line.At)
			}
		})
	}
}

func TestNoFactOfAnEventIsLeftOut(t *testing.T) {
	context := `{"b":"text","a":7,"c":{"d": [1, 2]},"empty":"","no":false}`
	line := scales.Tell(store.Event{Name: "x", Context: json.RawMessage(context)})
	want := []story.Detail{{"a", "7"}, {"b", "text"}, {"c", `{"d":[1,2]}`}, {"no", "false"}}
	if diff := cmp.Diff(want, line.Details); diff != "" {
		t.Error(diff)
	}
	line = scales.Tell(store.Event{Name: "x", Context: json.RawMessage(`[1]`)})
	if diff := cmp.Diff([]story.Detail{{"context", "[1]"}}, line.Details); diff != "" {
		t.Error(diff)
	}
}

// broken gives no events.
type broken struct{}

var errBroken = errors.New("disk on fire")

func (broken) Events(context.Context, sdk.PaymentID, int, string) ([]store.Event, string, error) {
	return nil, "", errBroken
}

func TestAStoryThatCannotBeRead(t *testing.T) {
	_, _, err := story.Newest(t.Context(), broken{}, "p1", 10)
	if !errors.Is(err, errBroken) || !strings.Contains(err.Error(), "p1") {
		t.Errorf("error is %v", err)
	}
}

// numbered has events 0, 1, 2 … and gives as many as it is asked for.
type numbered int

func (n numbered) Events(_ context.Context, _ sdk.PaymentID, limit int, cursor string) ([]store.Event, string, error) {
	from := 0
	if cursor != "" {
		from, _ = strconv.Atoi(cursor) // it is one of ours
	}
	var events []store.Event
	for i := from; i < min(from+limit, int(n)); i++ {
		events = append(events, store.Event{Name: strconv.Itoa(i)})
	}
	if from+limit >= int(n) {
		return events, "", nil
	}
	return events, strconv.Itoa(from + limit), nil
}

func TestAStoryHasAsManyEventsAsWereAskedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		there, most, told int
		older             bool
	}{
		"none":                   {0, 10, 0, false},
		"fewer":                  {7, 10, 7, false},
		"as many":                {10, 10, 10, false},
		"more":                   {11, 10, 10, true},
		"more than a page holds": {170, 150, 150, true},
		"two pages and no more":  {200, 200, 200, false},
	} {
		t.Run(name, func(t *testing.T) {
			events, older, err := story.Newest(t.Context(), numbered(tt.there), "p1", tt.most)
			if err != nil || len(events) != tt.told || older != tt.older {
				t.Fatalf("%d events, older %v, %v; want %d, %v", len(events), older, err, tt.told, tt.older)
			}
			for i, e := range events {
				if e.Name != strconv.Itoa(i) {
					t.Fatalf("event %d is %s", i, e.Name)
				}
			}
		})
	}
}
