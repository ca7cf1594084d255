package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestListFilters(t *testing.T) {
	w := newShop(t)
	anonymous := with(payment(nil)["buyer"].(fields), fields{"external_identifier": nil})
	w.opened(fields{"external_identifier": "first", "amount": 500, "cart_items": nil, "buyer": anonymous})
	w.clock.advance(time.Minute)
	second := w.captured(fields{"external_identifier": "second", "metadata": fields{"cart": "9", "q": "a b"}})
	w.post(second+"/refunds", fields{"amount": 1}).want(http.StatusCreated)
	w.clock.advance(time.Minute)
	third := w.opened(fields{"external_identifier": "third"})
	w.post(third+"/cancel", nil).want(http.StatusOK)
	one := w.get(second)

	tests := map[string]struct {
		query url.Values
		want  string // external identifiers, newest update first
	}{
		"everything":              {url.Values{}, "third second first"},
		"a status":                {url.Values{"status": {"capture_succeeded"}}, "second"},
		"two statuses":            {url.Values{"status": {"capture_succeeded", "authorization_failed"}}, "third second"},
		"an id":                   {url.Values{"id": {one.text("id")}}, "second"},
		"an external identifier":  {url.Values{"external_identifier": {"first"}}, "first"},
		"a buyer":                 {url.Values{"buyer_external_identifier": {"buyer-1"}}, "third second"},
		"another buyer":           {url.Values{"buyer_external_identifier": {"buyer-2"}}, ""},
		"a reconciliation id":     {url.Values{"reconciliation_id": {one.text("reconciliation_id")}}, "second"},
		"a provider's id":         {url.Values{"payment_service_transaction_id": {one.text("payment_service_transaction_id")}}, "second"},
		"an error code":           {url.Values{"error_code": {"canceled"}}, "third"},
		"a currency":              {url.Values{"currency": {"JPY", "USD"}}, "third second first"},
		"another currency":        {url.Values{"currency": {"USD"}}, ""},
		"a country":               {url.Values{"country": {"JP"}}, "third second first"},
		"a method":                {url.Values{"method": {"testpay"}}, "third second first"},
		"another method":          {url.Values{"method": {"paypay"}}, ""},
		"a payment service":       {url.Values{"payment_service_id": {w.service}}, "third second first"},
		"an amount":               {url.Values{"amount_eq": {"500"}}, "first"},
		"a range of amounts":      {url.Values{"amount_gte": {"501"}, "amount_lte": {"1000"}}, "third second"},
		"created from":            {url.Values{"created_at_gte": {"2026-11-23T12:01:00Z"}}, "third second"},
		"created until, by zone":  {url.Values{"created_at_lte": {"2026-11-23T21:00:30+09:00"}}, "first"},
		"updated from":            {url.Values{"updated_at_gte": {"2026-11-23T12:02:00.000000+00:00"}}, "third"},
		"updated until":           {url.Values{"updated_at_lte": {"2026-11-23T12:00:00Z"}}, "first"},
		"with refunds":            {url.Values{"has_refunds": {"true"}}, "second"},
		"without refunds":         {url.Values{"has_refunds": {"false"}}, "third first"},
		"metadata":                {url.Values{"metadata": {`{"cart":"9"}`}}, "second"},
		"two metadata":            {url.Values{"metadata": {`{"cart":"9","q":"a b"}`}}, "second"},
		"metadata, either":        {url.Values{"metadata": {`{"cart":"9"}`, `{"Cart":"7"}`}}, "third second first"},
		"a search":                {url.Values{"search": {"third"}}, "third"},
		"what is never so":        {url.Values{"disputed": {"true"}}, ""},
		"what is always so":       {url.Values{"merchant_initiated": {"false"}}, "third second first"},
		"several at once, no hit": {url.Values{"status": {"capture_succeeded"}, "amount_eq": {"500"}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			s := w.get("/transactions?" + tt.query.Encode()).want(http.StatusOK)
			var got []string
			for _, item := range s.body["items"].([]any) {
				got = append(got, item.(fields)["external_identifier"].(string))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("?%s lists %v, want %s", tt.query.Encode(), got, tt.want)
			}
		})
	}
}

func TestListIsPaged(t *testing.T) {
	w := newShop(t)
	for range 5 {
		w.opened(nil)
		w.clock.advance(time.Second)
	}
	seen := map[string]bool{}
	query := "/transactions?limit=2&currency=JPY"
	pages := 0
	for next := query; next != ""; pages++ {
		s := w.get(next).want(http.StatusOK).has(fields{"limit": 2})
		for _, item := range s.body["items"].([]any) {
			seen[item.(fields)["id"].(string)] = true
		}
		next = ""
		if cursor, ok := s.at("next_cursor").(string); ok {
			next = query + "&cursor=" + url.QueryEscape(cursor)
		}
	}
	if len(seen) != 5 || pages != 3 {
		t.Errorf("%d pages with %d payments, want 3 with 5", pages, len(seen))
	}
	w.get("/transactions").has(fields{"limit": 20, "next_cursor": nil, "previous_cursor": nil})
}

func TestListRefuses(t *testing.T) {
	tests := map[string]struct{ query, pointer string }{
		"a limit of nothing":           {"limit=0", "/limit"},
		"a limit too large":            {"limit=101", "/limit"},
		"a limit that is no number":    {"limit=ten", "/limit"},
		"two limits":                   {"limit=1&limit=2", "/limit"},
		"a cursor of nobody's":         {"cursor=abc", "/cursor"},
		"a cursor without end":         {"cursor=" + strings.Repeat("a", 1001), "/cursor"},
		"an unknown status":            {"status=paid", "/status"},
		"an amount that is no number":  {"amount_eq=1.5", "/amount_eq"},
		"a time without a zone":        {"created_at_gte=2026-11-23T12:00:00", "/created_at_gte"},
		"metadata that is not JSON":    {"metadata=a", "/metadata"},
		"metadata that is not text":    {`metadata={"a":1}`, "/metadata"},
		"a flag that is neither":       {"has_refunds=perhaps", "/has_refunds"},
		"two ids":                      {"id=a&id=b", "/id"},
		"a filter that is not offered": {"buyer_email_address=a@b", "/buyer_email_address"},
		"a filter that does not exist": {"colour=red", "/colour"},
		"a query that is broken":       {"status=%zz", ""},
	}
	w := newShop(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w.t = t
			s := w.get("/transactions?"+strings.ReplaceAll(tt.query, `"`, "%22")).refused(http.StatusBadRequest, "bad_request", tt.pointer)
			s.has(fields{"details.0.location": "query"})
		})
	}
}
