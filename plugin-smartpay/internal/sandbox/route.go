package sandbox

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// area is a part of the sandbox that answers in its own way.
type area uint8

const (
	areaNone area = iota
	areaAPI
	areaConsumer
	areaControl
	areaPage
)

// handler reads a request and gives what is to be done with the books.
type handler func(*Server, *call) (action, error)

// route is one endpoint. Its name, method and pattern, is also how the ledger
// and the fault scripts call it.
type route struct {
	area    area
	method  string
	pattern []string // a segment in braces is a parameter
	name    string
	handle  handler
	control controlHandler
}

func at(a area, method, pattern string, h handler) route {
	return route{area: a, method: method, pattern: split(pattern), name: method + " " + pattern, handle: h}
}

func api(method, pattern string, h handler) route { return at(areaAPI, method, pattern, h) }

// endpoints is the API, smartpay-api.md §4, and the consumer side of §11.2.
func endpoints() []route {
	return []route{
		api("POST", "/checkout-sessions", (*Server).createSession),
		api("GET", "/checkout-sessions", (*Server).listSessions),
		api("GET", "/checkout-sessions/{id}", (*Server).getSession),
		api("POST", "/orders", (*Server).createOrder),
		api("GET", "/orders", (*Server).listOrders),
		api("GET", "/orders/{id}", (*Server).getOrder),
		api("PUT", "/orders/{id}/cancellation", (*Server).cancelOrder),
		api("POST", "/payments", (*Server).createPayment),
		api("GET", "/payments", (*Server).listPayments),
		api("GET", "/payments/{id}", (*Server).getPayment),
		api("PATCH", "/payments/{id}", (*Server).updatePayment),
		api("POST", "/refunds", (*Server).createRefund),
		api("GET", "/refunds", (*Server).listRefunds),
		api("GET", "/refunds/{id}", (*Server).getRefund),
		api("PATCH", "/refunds/{id}", (*Server).updateRefund),
		api("GET", "/tokens", (*Server).listTokens),
		api("GET", "/tokens/{id}", (*Server).getToken),
		api("PUT", "/tokens/{id}/enable", (*Server).enableToken),
		api("PUT", "/tokens/{id}/disable", (*Server).disableToken),
		api("DELETE", "/tokens/{id}", (*Server).deleteToken),
		api("POST", "/webhook-endpoints", (*Server).createEndpoint),
		api("GET", "/webhook-endpoints", (*Server).listEndpoints),
		api("GET", "/webhook-endpoints/{id}", (*Server).getEndpoint),
		api("PATCH", "/webhook-endpoints/{id}", (*Server).updateEndpoint),
		api("DELETE", "/webhook-endpoints/{id}", (*Server).deleteEndpoint),
		api("POST", "/coupons", (*Server).createCoupon),
		api("GET", "/coupons", (*Server).listCoupons),
		api("GET", "/coupons/{id}", (*Server).getCoupon),
		api("PATCH", "/coupons/{id}", (*Server).updateCoupon),
		api("POST", "/promotion-codes", (*Server).createPromotionCode),
		api("GET", "/promotion-codes", (*Server).listPromotionCodes),
		api("GET", "/promotion-codes/{id}", (*Server).getPromotionCode),
		api("PATCH", "/promotion-codes/{id}", (*Server).updatePromotionCode),

		at(areaConsumer, "POST", "/consumers/auth/login", nil),
		at(areaConsumer, "POST", "/orders/{id}/authorizations", nil),
		at(areaConsumer, "PUT", "/tokens/{id}/approve", nil),
	}
}

var routes = append(endpoints(), controls()...)

// target is where a request is going.
type target struct {
	route
	params  map[string]string
	path    string   // without what stood before "v1"
	allowed []string // when only the method was wrong: the right ones
}

// find matches a path. API paths may have anything before "v1", consumer paths
// may leave "v1" out, and the page may be below any prefix: a client under test
// can then tell several uses of one sandbox apart by their base address.
func find(method string, segments []string) target {
	if len(segments) >= 2 && segments[len(segments)-2] == "checkout" && !slices.Contains(segments, "v1") {
		return target{route: route{area: areaPage}, params: map[string]string{"page": segments[len(segments)-1]}}
	}
	if len(segments) > 0 && segments[0] == "_sandbox" {
		return match(method, segments[1:], areaControl)
	}
	if i := slices.Index(segments, "v1"); i >= 0 {
		return match(method, segments[i+1:], areaAPI, areaConsumer)
	}
	for i := range segments {
		if t := match(method, segments[i:], areaConsumer); t.area != areaNone {
			return t
		}
	}
	return target{}
}

func match(method string, segments []string, areas ...area) target {
	var allowed []string
	for _, r := range routes {
		params, ok := r.fits(segments)
		if !ok || !slices.Contains(areas, r.area) {
			continue
		}
		if r.method == method {
			return target{route: r, params: params, path: "/" + strings.Join(segments, "/")}
		}
		allowed = append(allowed, r.method)
	}
	t := target{allowed: allowed}
	if areas[0] == areaControl {
		t.area = areaControl
	}
	return t
}

func (r route) fits(segments []string) (map[string]string, bool) {
	if len(segments) != len(r.pattern) {
		return nil, false
	}
	var params map[string]string
	for i, want := range r.pattern {
		switch {
		case strings.HasPrefix(want, "{"):
			if params == nil {
				params = make(map[string]string, 1)
			}
			params[strings.Trim(want, "{}")] = segments[i]
		case want != segments[i]:
			return nil, false
		}
	}
	return params, true
}

// split cuts a path into its unescaped segments. Doubled and trailing slashes
// count for nothing.
func split(path string) []string {
	var segments []string
	for part := range strings.SplitSeq(path, "/") {
		if part == "" {
			continue
		}
		if plain, err := url.PathUnescape(part); err == nil {
			part = plain
		}
		segments = append(segments, part)
	}
	return segments
}

var writes = []string{http.MethodPost, http.MethodPut, http.MethodPatch}
