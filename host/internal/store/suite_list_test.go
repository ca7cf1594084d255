package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

func pagesEvents(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	rec := newPayment()
	var want []Event
	add := func(r *Record) {
		for range 3 {
			n := len(want)
			e := Event{ID: fmt.Sprint(n), Name: "thing.happened", At: c.advance(time.Second), Context: []byte(fmt.Sprintf(`{"n":%d}`, n))}
			r.Added = append(r.Added, e)
			e.At = ledger.Kept(e.At)
			want = append([]Event{e}, want...)
		}
	}
	add(rec)
	create(t, s, rec)
	for range 3 {
		update(t, s, rec.Payment.ID, add)
	}
	other := newPayment()
	other.Added = []Event{{ID: "other", Name: "other"}}
	create(t, s, other)

	for _, limit := range []int{1, 5, 11, 12, 100} {
		var got []Event
		cursor, pages := "", 0
		for {
			page, next, err := s.Events(t.Context(), rec.Payment.ID, limit, cursor)
			if err != nil {
				t.Fatal(err)
			}
			got, pages = append(got, page...), pages+1
			if cursor = next; cursor == "" {
				break
			}
		}
		same(t, fmt.Sprintf("events by %d", limit), got, want)
		if most := (len(want) + limit - 1) / limit; pages != most {
			t.Errorf("%d pages of %d, want %d", pages, limit, most)
		}
	}
	_, cursor, err := s.Events(t.Context(), rec.Payment.ID, 1, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Events(t.Context(), other.Payment.ID, 1, cursor); !errors.Is(err, ErrCursor) {
		t.Errorf("a cursor of another payment: error = %v, want ErrCursor", err)
	}
	if got, _, err := s.Events(t.Context(), "nobody", 1, ""); len(got) != 0 || err != nil {
		t.Errorf("events of nobody = %v, %v, want none", got, err)
	}
}

// listed is a world of payments small enough that filters hit.
func listed(t *testing.T, s *Store, c *clock, rt *rapid.T, count int) []Record {
	t.Helper()
	var all []Record
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(rt, label) }
	for i := range count {
		rec := newPayment()
		rec.MerchantAccount, rec.Service = pick("account", "default", "other"), pick("service", "s1", "s2")
		rec.Method, rec.Country = pick("method", "smartpay", "konbini"), pick("country", "JP", "FR")
		rec.ExternalID = pick("external id", "", "order-7", "Order-77", "ÉTÉ")
		rec.BuyerExternalID = pick("buyer", "", "b1", "b2")
		rec.Metadata = rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"1", "2"}), 0, 2).Draw(rt, "metadata")
		rec.Payment.Amount = sdk.Money{Minor: rapid.Int64Range(1, 4).Draw(rt, "amount"), Currency: sdk.Currency(pick("currency", "JPY", "EUR"))}
		rec.Payment.CreatedAt = c.now().Add(-time.Duration(i) * time.Minute)
		create(t, s, rec)
		all = append(all, update(t, s, rec.Payment.ID, func(r *Record) { grow(rt, r) }))
		// Often at the same moment as the one before.
		c.advance(rapid.SampledFrom([]time.Duration{0, 0, time.Second}).Draw(rt, "passes"))
	}
	return all
}

// grow lets something become of a payment.
func grow(rt *rapid.T, r *Record) {
	if rapid.Bool().Draw(rt, "other metadata") {
		r.Metadata = rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}), rapid.SampledFrom([]string{"1", "2"}), 0, 2).Draw(rt, "then")
	}
	switch rapid.IntRange(0, 3).Draw(rt, "becomes") {
	case 1:
		r.Operations[0].Outcome, r.Operations[0].Code = sdk.OutcomeDeclined, sdk.CodeInsufficientFunds
	case 2:
		r.Truth.Fold(sdk.Snapshot{
			Order: sdk.OrderRef("order_" + r.Payment.ID), State: sdk.StateAuthorized, Authorized: &r.Payment.Amount,
		}, time.Unix(1e9, 0))
	case 3:
		r.Operations[0].Outcome, r.Operations[0].Amount = sdk.OutcomeSucceeded, r.Payment.Amount
		r.Operations = append(r.Operations,
			ledger.Operation{ID: "c/" + r.Operations[0].ID, Kind: sdk.OpCapture, Outcome: sdk.OutcomeSucceeded, Amount: r.Payment.Amount, Final: true},
			ledger.Operation{ID: "r/" + r.Operations[0].ID, Kind: sdk.OpRefund, Outcome: sdk.OutcomePending, Amount: r.Payment.Amount})
	}
}

func drawFilter(rt *rapid.T, all []Record) Filter {
	some := func(label string, from ...string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(from), 0, 2).Draw(rt, label)
	}
	anyOf := all[rapid.IntRange(0, len(all)-1).Draw(rt, "like")]
	f := Filter{MerchantAccount: rapid.SampledFrom([]string{"", "default", "other"}).Draw(rt, "of account")}
	// A few fields at a time: with all of them nothing would ever match.
	fields := []func(){
		func() {
			f.Statuses = []ledger.Status{rapid.SampledFrom([]ledger.Status{
				ledger.StatusProcessing, ledger.StatusAuthorizationDeclined, ledger.StatusAuthorizationSucceeded, ledger.StatusCaptureSucceeded,
			}).Draw(rt, "status"), ledger.StatusVoided}
		},
		func() { f.Currencies = some("currencies", "JPY", "EUR") },
		func() { f.Countries = some("countries", "JP", "FR") },
		func() { f.Methods = some("methods", "smartpay", "konbini") },
		func() { f.Services = some("services", "s1", "s2") },
		func() { f.ErrorCodes = some("errors", "insufficient_funds", "unknown_error", "") },
		func() { f.ID = string(anyOf.Payment.ID) },
		func() { f.ExternalID = anyOf.ExternalID },
		func() { f.BuyerExternalID = anyOf.BuyerExternalID },
		func() { f.Reference = string(anyOf.Payment.Reference) },
		func() { f.OrderRef = string(anyOf.Truth.Order) },
		func() { f.AmountEQ = new(rapid.Int64Range(1, 4).Draw(rt, "exactly")) },
		func() { f.AmountGTE = new(rapid.Int64Range(1, 4).Draw(rt, "at least")) },
		func() { f.AmountLTE = new(rapid.Int64Range(1, 4).Draw(rt, "at most")) },
		func() { f.CreatedGTE = anyOf.Payment.CreatedAt.Add(offset(rt)) },
		func() { f.CreatedLTE = anyOf.Payment.CreatedAt.Add(offset(rt)) },
		func() { f.UpdatedGTE = anyOf.UpdatedAt.Add(offset(rt)) },
		func() { f.UpdatedLTE = anyOf.UpdatedAt.Add(offset(rt)) },
		func() { f.HasRefunds = new(rapid.Bool().Draw(rt, "refunds")) },
		func() {
			f.Metadata = rapid.SliceOfN(rapid.MapOfN(rapid.SampledFrom([]string{"a", "b"}),
				rapid.SampledFrom([]string{"1", "2"}), 0, 2), 1, 2).Draw(rt, "any metadata")
		},
		func() {
			f.Search = rapid.SampledFrom([]string{"order-7", "order-77", "ÉTÉ", "order", "%", anyOf.ExternalID, string(anyOf.Truth.Order), string(anyOf.Payment.ID), string(anyOf.Payment.Reference)}).Draw(rt, "search")
		},
	}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(fields)-1), 0, 3, rapid.ID).Draw(rt, "fields") {
		fields[i]()
	}
	return f
}

// offset is nothing, or less than the store keeps of a time.
func offset(rt *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 1, -1}).Draw(rt, "offset")
}

// selects is what a filter means, said without a database.
func selects(f Filter, r *Record) bool {
	v := r.View()
	has := func(list []string, value string) bool { return len(list) == 0 || slices.Contains(list, value) }
	is := func(want, value string) bool { return want == "" || want == value }
	within := func(t, from, to time.Time) bool {
		return (from.IsZero() || !t.Before(from)) && (to.IsZero() || !t.After(to))
	}
	a := r.Payment.Amount.Minor
	return is(f.MerchantAccount, r.MerchantAccount) && is(f.ID, string(r.Payment.ID)) &&
		is(f.ExternalID, r.ExternalID) && is(f.Reference, string(r.Payment.Reference)) &&
		is(f.BuyerExternalID, r.BuyerExternalID) &&
		is(f.OrderRef, string(r.Truth.Order)) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, r.Status(v))) &&
		has(f.Currencies, string(r.Payment.Amount.Currency)) && has(f.Countries, r.Country) &&
		has(f.Methods, r.Method) && has(f.Services, r.Service) && has(f.ErrorCodes, v.Reason.ErrorCode()) &&
		(f.AmountEQ == nil || a == *f.AmountEQ) && (f.AmountGTE == nil || a >= *f.AmountGTE) &&
		(f.AmountLTE == nil || a <= *f.AmountLTE) &&
		within(r.Payment.CreatedAt, f.CreatedGTE, f.CreatedLTE) && within(r.UpdatedAt, f.UpdatedGTE, f.UpdatedLTE) &&
		(f.HasRefunds == nil || *f.HasRefunds == (v.Refunded+v.PendingRefund > 0)) &&
		selectsMetadata(f.Metadata, r.Metadata) && selectsText(f.Search, r)
}

func selectsMetadata(sets []map[string]string, have map[string]string) bool {
	return len(sets) == 0 || slices.ContainsFunc(sets, func(set map[string]string) bool {
		for name, value := range set {
			if got, ok := have[name]; !ok || got != value {
				return false
			}
		}
		return true
	})
}

func selectsText(search string, r *Record) bool {
	return search == "" || slices.Contains([]string{
		string(r.Payment.ID), r.ExternalID, string(r.Payment.Reference), string(r.Truth.Order),
	}, search)
}

func listsWhatFilterSelects(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	rapid.Check(t, func(rt *rapid.T) {
		c.advance(time.Hour)
		all := listed(t, s, c, rt, 8)
		slices.SortStableFunc(all, func(a, b Record) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
		slices.Reverse(all)
		for range 12 {
			f := drawFilter(rt, all)
			// The world of an earlier draw is older.
			if oldest := all[len(all)-1].UpdatedAt; f.UpdatedGTE.Before(oldest) {
				f.UpdatedGTE = oldest
			}
			var want []Record
			for i := range all {
				if selects(f, &all[i]) {
					want = append(want, all[i])
				}
			}
			f.Limit = 100
			got, err := s.List(t.Context(), f)
			if err != nil {
				rt.Fatal(err)
			}
			sameOrNone(t, fmt.Sprintf("payments that %+v selects", f), got.Records, want)
		}
	})
}

func listsByEachFilter(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	declined := newPayment()
	declined.Operations[0].Outcome, declined.Operations[0].Code = sdk.OutcomeDeclined, sdk.CodeInsufficientFunds
	declined.Metadata = map[string]string{"a": "1", "b": "2"}
	create(t, s, declined)
	c.advance(time.Second)
	odd := newPayment()
	odd.ExternalID, odd.Truth.Order, odd.MerchantAccount = string(odd.Payment.ID), sdk.OrderRef(odd.Payment.ID), "other"
	odd.Metadata = map[string]string{"a": "1", "c": "3"}
	odd.BuyerExternalID = "buyer-7"
	create(t, s, odd)
	const none, first, second, both = "", "first", "second", "second first"
	tests := map[string]struct {
		Filter
		want string
	}{
		"everything":                          {Filter{}, both},
		"one account's":                       {Filter{MerchantAccount: "other"}, second},
		"nobody's":                            {Filter{MerchantAccount: "nobody"}, none},
		"a pair that both have":               {Filter{Metadata: []map[string]string{{"a": "1"}}}, both},
		"two pairs":                           {Filter{Metadata: []map[string]string{{"a": "1", "b": "2"}}}, first},
		"one pair or another":                 {Filter{Metadata: []map[string]string{{"b": "2"}, {"c": "3"}}}, both},
		"a pair or none at all":               {Filter{Metadata: []map[string]string{{"z": "0"}, {}}}, both},
		"a name with another's value":         {Filter{Metadata: []map[string]string{{"b": "3"}}}, none},
		"an error":                            {Filter{ErrorCodes: []string{"insufficient_funds"}}, first},
		"no error":                            {Filter{ErrorCodes: []string{""}}, second},
		"an error or none":                    {Filter{ErrorCodes: []string{"", "insufficient_funds"}}, both},
		"a text that names it in three ways":  {Filter{Search: string(odd.Payment.ID)}, second},
		"a buyer":                             {Filter{BuyerExternalID: "buyer-7"}, second},
		"a part of a buyer's name":            {Filter{BuyerExternalID: "buyer"}, none},
		"a reference":                         {Filter{Search: string(declined.Payment.Reference)}, first},
		"a part of a name":                    {Filter{Search: string(declined.Payment.Reference)[:3]}, none},
		"created when it was updated":         {Filter{CreatedGTE: declined.UpdatedAt}, both},
		"created a moment later":              {Filter{CreatedGTE: declined.UpdatedAt.Add(1)}, second},
		"created until that moment":           {Filter{CreatedLTE: declined.UpdatedAt}, first},
		"created in that moment":              {Filter{CreatedGTE: declined.UpdatedAt, CreatedLTE: declined.UpdatedAt}, first},
		"updated between the two":             {Filter{UpdatedGTE: declined.UpdatedAt.Add(1), UpdatedLTE: odd.UpdatedAt.Add(-1)}, none},
		"two filters of which one finds none": {Filter{ErrorCodes: []string{"insufficient_funds"}, Methods: []string{"none"}}, none},
	}
	names := map[sdk.PaymentID]string{declined.Payment.ID: first, odd.Payment.ID: second}
	for what, tt := range tests {
		t.Run(what, func(t *testing.T) {
			page, err := s.List(t.Context(), tt.Filter)
			if err != nil {
				t.Fatal(err)
			}
			tt.Limit = 100
			all, err := s.List(t.Context(), tt.Filter)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, rec := range all.Records {
				got = append(got, names[rec.Payment.ID])
			}
			if list := strings.Join(got, " "); list != tt.want {
				t.Errorf("list = %q, want %q", list, tt.want)
			}
			if len(page.Records) > 1 || (page.Next != "") != (tt.want == both) {
				t.Errorf("a page of one has %d payments, and another page: %v", len(page.Records), page.Next != "")
			}
		})
	}
}

func pagingIsComplete(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	rapid.Check(t, func(rt *rapid.T) {
		c.advance(time.Hour)
		since := ledger.Kept(c.now())
		all := listed(t, s, c, rt, rapid.IntRange(0, 12).Draw(rt, "payments"))
		f := Filter{UpdatedGTE: since, Limit: rapid.IntRange(1, 5).Draw(rt, "limit")}
		want := make([]sdk.PaymentID, 0, len(all))
		for _, rec := range slices.Backward(all) {
			want = append(want, rec.Payment.ID)
		}
		forward, last := walk(t, rt, s, f, "", func(p Page) string { return p.Next })
		sameOrNone(t, "payments, page by page", slices.Concat(forward...), want)
		// Back from the last page: the same pages, but for how they are cut.
		back, _ := walk(t, rt, s, f, last.Prev, func(p Page) string { return p.Prev })
		slices.Reverse(back)
		if len(forward) > 1 {
			sameOrNone(t, "payments, back again", slices.Concat(slices.Concat(back...), forward[len(forward)-1]), want)
		}
	})
}

// walk collects the ids of page after page.
func walk(t *testing.T, rt *rapid.T, s *Store, f Filter, from string, next func(Page) string) ([][]sdk.PaymentID, Page) {
	var pages [][]sdk.PaymentID
	for first := true; first || from != ""; first = false {
		f.Cursor = from
		p, err := s.List(t.Context(), f)
		if err != nil {
			rt.Fatal(err)
		}
		if len(p.Records) > f.Limit {
			rt.Errorf("a page of %d payments, want at most %d", len(p.Records), f.Limit)
		}
		var ids []sdk.PaymentID
		for _, rec := range p.Records {
			ids = append(ids, rec.Payment.ID)
		}
		pages = append(pages, ids)
		if from = next(p); from == "" {
			return pages, p
		}
	}
	return pages, Page{}
}

func refusesForeignCursors(t *testing.T, open opener) {
	s := open(t, newClock().now)
	for range 3 {
		create(t, s, newPayment())
	}
	f := Filter{MerchantAccount: "default", Limit: 1}
	page, err := s.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	f.Cursor, f.Limit = page.Next, 2
	if _, err := s.List(t.Context(), f); err != nil {
		t.Errorf("with another limit: %v", err)
	}
	other := f
	other.MerchantAccount = "other"
	if _, err := s.List(t.Context(), other); !errors.Is(err, ErrCursor) {
		t.Errorf("for another query: error = %v, want ErrCursor", err)
	}
	if _, _, err := s.Events(t.Context(), "x", 1, page.Next); !errors.Is(err, ErrCursor) {
		t.Errorf("for a list of something else: error = %v, want ErrCursor", err)
	}
	for i := range page.Next {
		forged := []byte(page.Next)
		forged[i] = map[bool]byte{true: 'A', false: 'B'}[forged[i] != 'A']
		f.Cursor = string(forged)
		if _, err := s.List(t.Context(), f); !errors.Is(err, ErrCursor) {
			t.Errorf("with character %d altered: error = %v, want ErrCursor", i, err)
		}
	}
	for _, made := range []string{"x", "====", page.Next + "A", page.Next[1:], strings.Repeat("A", 1000)} {
		f.Cursor = made
		if _, err := s.List(t.Context(), f); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: error = %v, want ErrCursor", made, err)
		}
	}
}
