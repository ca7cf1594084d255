package sandbox

import (
	"fmt"
	"testing"
)

func TestLists(t *testing.T) {
	b := newBench(t, Config{})
	for i := range 5 {
		b.capture(b.approved(object{"reference": fmt.Sprint("R-", i)}).text("id"), 1250, "automatic")
	}
	first := b.must(200, "GET", "/v1/orders?maxResults=2&dev-lang=go", nil)
	wantKeys(t, "collection", first, "object", "pageToken", "nextPageToken", "maxResults", "results", "data")
	newest, _ := first.list("data")[0].(map[string]any)
	if first.text("object") != "collection" || first.number("maxResults") != 2 || first.number("results") != 2 ||
		object(newest).text("reference") != "R-4" {
		t.Errorf("first page %v", first)
	}
	second := b.must(200, "GET", "/v1/orders?maxResults=2&pageToken="+first.text("nextPageToken"), nil)
	if second.text("pageToken") != first.text("nextPageToken") {
		t.Errorf("asked for %s, told %s", first.text("nextPageToken"), second.text("pageToken"))
	}
	last := b.must(200, "GET", "/v1/orders?maxResults=2&pageToken="+second.text("nextPageToken"), nil)
	wantKeys(t, "last page", last, "object", "pageToken", "maxResults", "results", "data")
	if len(last.list("data")) != 1 {
		t.Errorf("last page %v", last)
	}
	if same := b.must(200, "GET", "/v1/orders?maxResults=2&pageToken="+first.text("pageToken"), nil); mustJSON(t, same) != mustJSON(t, first) {
		t.Errorf("the first page's token gives %v", same)
	}
}

func TestListsExpandWhereTheyCan(t *testing.T) {
	b := newBench(t, Config{})
	p := b.capture(b.approved(nil).text("id"), 1250, "automatic")
	b.must(200, "POST", "/v1/refunds", object{"payment": p.text("id"), "currency": "JPY", "reason": "fraudulent"})
	for path, child := range map[string]string{"checkout-sessions": "order", "orders": "shippingInfo", "payments": "metadata", "refunds": "metadata"} {
		page := b.must(200, "GET", "/v1/"+path+"?expand=all", nil)
		item, _ := page.list("data")[0].(map[string]any)
		if object(item).object(child) == nil {
			t.Errorf("%s: %s is %v", path, child, item[child])
		}
	}
	page := b.must(200, "GET", "/v1/checkout-sessions?expand=no", nil)
	if item, _ := page.list("data")[0].(map[string]any); object(item).text("order") == "" {
		t.Errorf("plain session in a list: %v", item)
	}
}

func TestListQueries(t *testing.T) {
	b := newBench(t, Config{})
	for query, status := range map[string]int{
		"": 200, "?expand=": 200, "?pageToken": 200, "?pageToken=": 200, "?maxResults=": 200, "?maxResults=1000": 200,
		"?maxResults=0": 400, "?maxResults=-1": 400, "?maxResults=x": 400, "?pageToken=x": 400, "?expand=some": 400,
		"?pageToken=YmVmb3JlOi0x": 400,
	} {
		if r := b.send("GET", "/v1/payments"+query, ""); r.status != status {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	if got := b.must(200, "GET", "/v1/payments?maxResults=1000", nil).number("maxResults"); got != 1000 {
		t.Errorf("told %d results at most", got)
	}
	for range maxPage + 1 {
		b.session(nil)
	}
	if page := b.must(200, "GET", "/v1/orders?maxResults=1000", nil); page.number("results") != maxPage || page.text("nextPageToken") == "" {
		t.Errorf("%d results on a page, next %q", page.number("results"), page.text("nextPageToken"))
	}
	if page := b.must(200, "GET", "/v1/orders", nil); page.number("results") != defaultPage || page.number("maxResults") != defaultPage {
		t.Errorf("%d results by default", page.number("results"))
	}
}
