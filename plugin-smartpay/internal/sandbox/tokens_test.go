package sandbox

import (
	"strings"
	"testing"
)

// token opens a token session and approves it.
func (b *bench) token() object {
	b.t.Helper()
	s := b.must(200, "POST", "/v1/checkout-sessions", object{
		"mode": "token", "customerInfo": object{}, "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no",
	})
	return b.must(200, "POST", "/_sandbox/sessions/"+s.text("id")+"/approve", nil).object("token")
}

func (b *bench) pay(token string, changes object) result {
	b.t.Helper()
	body := order(object{"token": token, "successUrl": nil, "cancelUrl": nil, "captureMethod": nil})
	for name, value := range changes {
		body[name] = value
	}
	return b.send("POST", "/v1/orders", mustJSON(b.t, body))
}

func TestOrderWithAToken(t *testing.T) {
	b := newBench(t, Config{})
	id := b.token().text("id")
	r := b.pay(id, nil)
	if r.status != 200 || r.object.text("status") != "succeeded" || r.object.text("tokenId") != id || len(r.object.list("payments")) != 1 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if manual := b.pay(id, object{"captureMethod": "manual"}); manual.object.text("status") != "requires_capture" {
		t.Errorf("manual: %s", manual.body)
	}
	if declined := b.pay(id, object{"customerInfo": object{"emailAddress": "declined@smartpay.co"}}); declined.status != 200 ||
		declined.object.text("status") != "rejected" {
		t.Errorf("declined: %d %s", declined.status, declined.body)
	}
	for name, tt := range map[string]struct {
		token  string
		status int
		code   string
	}{
		"unknown": {"paytok_test_1", 404, "token.not-found"}, "none": {"", 400, "request.invalid"},
		"other mode": {strings.Replace(id, "_test_", "_live_", 1), 404, "token.not-found"},
	} {
		if r := b.pay(tt.token, nil); r.status != tt.status || r.object.text("errorCode") != tt.code {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	b.must(200, "PUT", "/v1/tokens/"+id+"/disable", nil)
	if r := b.pay(id, nil); r.status != 400 || r.object.text("errorCode") != "token.invalid" {
		t.Errorf("disabled: %d %s", r.status, r.body)
	}
}

func TestTokenEndpoints(t *testing.T) {
	b := newBench(t, Config{})
	path := "/v1/tokens/" + b.token().text("id")
	for _, step := range []struct{ verb, status string }{
		{"enable", "active"}, {"disable", "disabled"}, {"disable", "disabled"}, {"enable", "active"},
	} {
		r := b.send("PUT", path+"/"+step.verb, "[]", "Content-Type", "application/json")
		if r.status != 200 || r.body != "" || r.header.Get("Content-Type") != "" {
			t.Errorf("%s: %d %q as %q, want 200 and nothing", step.verb, r.status, r.body, r.header.Get("Content-Type"))
		}
		if got := b.must(200, "GET", path, nil).text("status"); got != step.status {
			t.Errorf("after %s: %s", step.verb, got)
		}
	}
	if n := b.must(200, "GET", "/v1/tokens", nil).number("results"); n != 1 {
		t.Errorf("%d tokens listed", n)
	}
	if r := b.send("DELETE", path, "{}"); r.status != 204 || r.body != "" {
		t.Errorf("delete: %d %q", r.status, r.body)
	}
	for _, request := range []string{"GET ", "DELETE ", "PUT /enable", "PUT /disable"} {
		method, verb, _ := strings.Cut(request, " ")
		if r := b.send(method, path+verb, ""); r.status != 404 || !strings.Contains(r.body, `"errorCode":"token.not-found"`) {
			t.Errorf("%s after delete: %d %s", request, r.status, r.body)
		}
	}
	if n := b.must(200, "GET", "/v1/tokens", nil).number("results"); n != 0 {
		t.Errorf("%d tokens listed after delete", n)
	}
}

func TestConsumerEndpoints(t *testing.T) {
	for name, prefix := range map[string]string{"without v1": "", "with v1": "/v1", "below a prefix": "/api.smartpay"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, Config{})
			login := b.send("POST", prefix+"/consumers/auth/login", `{"emailAddress":"a+test@example.com","password":"x"}`, "Content-Type", "text/plain")
			bearer := "Bearer " + login.object.text("accessToken")
			if login.status != 200 || bearer == "Bearer " {
				t.Fatalf("login: %d %s", login.status, login.body)
			}
			s := b.session(nil)
			body := `{"paymentMethod":"pm_test_visaApproved","paymentPlan":"pay_in_three"}`
			path := prefix + "/orders/" + s.object("order").text("id") + "/authorizations"
			if r := b.send("POST", path, body, "Authorization", "Bearer wrong"); r.status != 401 {
				t.Errorf("a wrong access token: %d", r.status)
			}
			if r := b.send("POST", path, body, "Authorization", bearer); r.status != 200 || r.object.text("status") != "requires_capture" {
				t.Errorf("authorization: %d %s", r.status, r.body)
			}
			if r := b.send("POST", path, body, "Authorization", bearer); r.status != 409 {
				t.Errorf("a second authorization: %d %s", r.status, r.body)
			}
			declined := prefix + "/orders/" + b.session(nil).object("order").text("id") + "/authorizations"
			if r := b.send("POST", declined, `{"paymentMethod":"pm_test_visaRejected"}`, "Authorization", bearer); r.object.text("status") != "rejected" {
				t.Errorf("decline: %d %s", r.status, r.body)
			}
			token := b.must(200, "POST", "/v1/checkout-sessions", object{
				"mode": "token", "customerInfo": object{}, "successUrl": "https://shop.example/ok", "cancelUrl": "https://shop.example/no",
			}).object("token").text("id")
			if r := b.send("PUT", prefix+"/tokens/"+token+"/approve", "", "Authorization", bearer); r.status != 200 {
				t.Errorf("approve token: %d %s", r.status, r.body)
			}
			if got := b.must(200, "GET", "/v1/tokens/"+token, nil).text("status"); got != "active" {
				t.Errorf("token is %s", got)
			}
			for _, gone := range []string{"/orders/order_test_1/authorizations"} {
				if r := b.send("POST", prefix+gone, body, "Authorization", bearer); r.status != 404 {
					t.Errorf("%s: %d %s", gone, r.status, r.body)
				}
			}
		})
	}
}

func TestCouponsAndPromotionCodes(t *testing.T) {
	b := newBench(t, Config{})
	c := b.must(200, "POST", "/v1/coupons", object{"name": "Spring", "discountType": "amount", "discountAmount": 100, "currency": "jpy"})
	wantKeys(t, "coupon", c, "id", "object", "test", "createdAt", "updatedAt", "active", "name", "discountType", "discountAmount",
		"currency", "expiresAt", "maxRedemptionCount", "redemptionCount", "sponsored", "metadata")
	if c["expiresAt"] != nil || c["maxRedemptionCount"] != nil || c["active"] != true || c.text("currency") != "JPY" {
		t.Errorf("coupon %v", c)
	}
	percent := b.must(200, "POST", "/v1/coupons", object{"name": "Third", "discountType": "percentage", "discountPercentage": 33, "expiresAt": 4e12})
	if percent.number("discountPercentage") != 33 || percent.number("expiresAt") != 4e12 {
		t.Errorf("coupon %v", percent)
	}
	changed := b.must(200, "PATCH", "/v1/coupons/"+c.text("id"), object{"name": "夏", "active": false, "metadata": object{"a": "b"}})
	if changed.text("name") != "夏" || changed["active"] != false || b.must(200, "GET", "/v1/coupons/"+c.text("id"), nil).text("name") != "夏" {
		t.Errorf("changed %v", changed)
	}
	p := b.must(200, "POST", "/v1/promotion-codes", object{"code": "SPRING 10", "coupon": percent.text("id"), "minimumAmount": 10, "currency": "JPY"})
	wantKeys(t, "promotion code", p, "id", "object", "test", "createdAt", "updatedAt", "active", "code", "coupon", "currency",
		"minimumAmount", "expiresAt", "firstTimeTransaction", "onePerCustomer", "maxRedemptionCount", "redemptionCount", "metadata")
	if p["active"] != true || p.text("coupon") != percent.text("id") || p.number("minimumAmount") != 10 {
		t.Errorf("promotion code %v", p)
	}
	if off := b.must(200, "PATCH", "/v1/promotion-codes/"+p.text("id"), object{"active": false}); off["active"] != false {
		t.Errorf("switched off %v", off)
	}
	b.must(200, "GET", "/v1/promotion-codes/"+p.text("id"), nil)
	for path, n := range map[string]int64{"coupons": 2, "promotion-codes": 1} {
		if got := b.must(200, "GET", "/v1/"+path, nil).number("results"); got != n {
			t.Errorf("%d %s", got, path)
		}
	}
	for name, tt := range map[string]struct {
		method, path, body string
		status             int
		code               string
	}{
		"no coupon":               {"GET", "coupons/coupon_test_1", "", 404, "coupon.not-found"},
		"no coupon to change":     {"PATCH", "coupons/coupon_test_1", "{}", 404, "coupon.not-found"},
		"no code":                 {"GET", "promotion-codes/promotioncode_test_1", "", 404, "promotion-code.not-found"},
		"no code to change":       {"PATCH", "promotion-codes/promotioncode_test_1", "{}", 404, "promotion-code.not-found"},
		"a code of no coupon":     {"POST", "promotion-codes", `{"code":"X","coupon":"coupon_test_1"}`, 404, "coupon.not-found"},
		"the code again":          {"POST", "promotion-codes", `{"code":"spring 10","coupon":"` + c.text("id") + `"}`, 409, "promotion-code.exists"},
		"a minimum in no money":   {"POST", "promotion-codes", `{"code":"Y","coupon":"` + c.text("id") + `","minimumAmount":1}`, 400, "request.invalid"},
		"a coupon without amount": {"POST", "coupons", `{"name":"x","discountType":"amount","currency":"JPY"}`, 400, "request.invalid"},
		"a coupon without money":  {"POST", "coupons", `{"name":"x","discountType":"amount","discountAmount":1}`, 400, "request.invalid"},
		"a coupon without share":  {"POST", "coupons", `{"name":"x","discountType":"percentage"}`, 400, "request.invalid"},
		"more than everything":    {"POST", "coupons", `{"name":"x","discountType":"percentage","discountPercentage":101}`, 400, "request.invalid"},
		"an unknown type":         {"POST", "coupons", `{"name":"x","discountType":"gift"}`, 400, "request.invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			r := b.send(tt.method, "/v1/"+tt.path, tt.body)
			if r.status != tt.status || r.object.text("errorCode") != tt.code {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}
