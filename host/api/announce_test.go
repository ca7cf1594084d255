package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// heard lists what subscribers have been told of the payment at path, oldest first, and
// forgets nothing: told returns what is new.
type heard struct {
	w    *world
	path string
	n    int
}

func (w *world) listen(changes fields) *heard {
	w.t.Helper()
	w.post(hooks, fields{"url": "https://shop.example"}).want(http.StatusCreated)
	return &heard{w: w, path: w.opened(changes)}
}

func (h *heard) all() []store.Delivery {
	h.w.t.Helper()
	all, err := h.w.store.Deliveries(h.w.t.Context(), sdk.PaymentID(strings.TrimPrefix(h.path, "/transactions/")), 100)
	h.w.must(err)
	slices.Reverse(all)
	return all
}

// says fails the test unless exactly these events were told since it was last asked.
func (h *heard) says(names ...string) []store.Delivery {
	h.w.t.Helper()
	fresh := h.all()[h.n:]
	h.n += len(fresh)
	var got []string
	for _, d := range fresh {
		got = append(got, d.Name)
	}
	slices.Sort(got)
	slices.Sort(names)
	if diff := cmp.Diff(names, got); diff != "" {
		h.w.t.Errorf("told (-want +got):\n%s", diff)
	}
	return fresh
}

func (h *heard) approve(state sdk.State) {
	h.w.t.Helper()
	h.w.provider.decide(state)
	h.w.post(h.path+"/sync", nil).want(http.StatusOK)
}

func TestMerchantsAreTold(t *testing.T) {
	declined := sdk.Errorf("testpay", sdk.CodeInsufficientFunds, "declined")
	lost := sdk.Errorf("testpay", sdk.CodeReadTimeout, "no answer")
	tests := map[string]func(w *world, h *heard){
		"of a capture and refunds": func(w *world, h *heard) {
			h.says()
			h.approve(sdk.StateAuthorized)
			h.says("transaction.authorized")
			h.approve(sdk.StateAuthorized)
			h.says()
			w.post(h.path+"/capture", fields{"amount": 600}).want(http.StatusOK)
			h.says("transaction.captured", "capture.succeeded")
			w.post(h.path+"/refunds", fields{"amount": 100}).want(http.StatusCreated)
			h.says("refund.succeeded")
			w.post(h.path+"/refunds/all", nil).want(http.StatusCreated)
			h.says("refund.succeeded")
		},
		"of a void": func(w *world, h *heard) {
			h.approve(sdk.StateAuthorized)
			w.post(h.path+"/void", nil).want(http.StatusOK)
			h.says("transaction.authorized", "transaction.voided")
		},
		"of a payment that is called off": func(w *world, h *heard) {
			w.post(h.path+"/cancel", nil).want(http.StatusOK)
			h.says("transaction.failed")
		},
		"of a payment that is declined": func(_ *world, h *heard) {
			h.approve(sdk.StateDeclined)
			h.says("transaction.declined")
		},
		"of captures that fail": func(w *world, h *heard) {
			h.approve(sdk.StateAuthorized)
			h.says("transaction.authorized")
			w.provider.set(sdk.OpCapture, declined)
			w.post(h.path+"/capture", nil).want(http.StatusOK)
			h.says("transaction.capture-failed", "capture.declined")
			w.provider.set(sdk.OpCapture, sdk.Errorf("testpay", sdk.CodePluginUnavailable, "nobody there"))
			w.post(h.path+"/capture", nil).want(http.StatusOK)
			h.says("transaction.capture-failed", "capture.failed")
		},
		"of a capture whose answer is lost": func(w *world, h *heard) {
			h.approve(sdk.StateAuthorized)
			h.says("transaction.authorized")
			w.provider.set(sdk.OpCapture, lost)
			w.post(h.path+"/capture", nil).want(http.StatusOK).has(fields{"status": "capture_pending"})
			h.says("transaction.capture-pending", "capture.pending")
		},
		"of voids that fail": func(w *world, h *heard) {
			h.approve(sdk.StateAuthorized)
			h.says("transaction.authorized")
			w.provider.set(sdk.OpVoid, declined)
			w.post(h.path+"/void", nil).want(http.StatusOK)
			h.says("transaction.void-declined")
			w.provider.set(sdk.OpVoid, lost)
			w.post(h.path+"/void", nil).want(http.StatusOK)
			h.says("transaction.void-pending")
		},
		"of refunds that fail": func(w *world, h *heard) {
			h.approve(sdk.StateAuthorized)
			w.post(h.path+"/capture", nil).want(http.StatusOK)
			h.says("transaction.authorized", "transaction.captured", "capture.succeeded")
			w.provider.set(sdk.OpRefund, declined)
			w.post(h.path+"/refunds", nil).want(http.StatusCreated)
			h.says("refund.declined")
			w.provider.set(sdk.OpRefund, lost)
			w.post(h.path+"/refunds", nil).want(http.StatusCreated)
			h.says("refund.pending")
		},
		"of what they changed themselves": func(w *world, h *heard) {
			w.send("PUT", h.path, fields{"metadata": fields{"a": "b"}}).want(http.StatusOK)
			h.says("transaction.modified")
			w.send("PUT", h.path, fields{"metadata": fields{"a": "b"}}).want(http.StatusOK)
			h.says()
			w.send("PUT", h.path, fields{"external_identifier": "other"}).want(http.StatusOK)
			h.says("transaction.modified")
		},
	}
	for name, tell := range tests {
		t.Run(name, func(t *testing.T) {
			w := newShop(t)
			tell(w, w.listen(nil))
		})
	}
}

func TestNobodyIsToldWithoutASubscription(t *testing.T) {
	w := newShop(t)
	h := &heard{w: w, path: w.captured(nil)}
	h.says()
}

// What is sent is the resource exactly as the API answers with it.
func TestWhatIsTold(t *testing.T) {
	w := newShop(t)
	h := w.listen(nil)
	id := strings.TrimPrefix(h.path, "/transactions/")
	resource := func(name string) string {
		switch kind, _, _ := strings.Cut(name, "."); kind {
		case "capture":
			return w.get(h.path + "/captures").want(http.StatusOK).text("items.0.id")
		case "refund":
			return w.get(h.path + "/refunds").want(http.StatusOK).text("items.0.id")
		}
		return ""
	}
	for _, step := range []func(){
		func() { h.approve(sdk.StateAuthorized) },
		func() { w.post(h.path+"/capture", nil).want(http.StatusOK) },
		func() { w.post(h.path+"/refunds", fields{"amount": 100}).want(http.StatusCreated) },
	} {
		w.clock.advance(time.Minute)
		step()
		all := h.all()
		for _, d := range all[h.n:] {
			path := map[string]string{"transaction": h.path, "capture": h.path + "/captures/", "refund": "/refunds/"}
			kind, _, _ := strings.Cut(d.Name, ".")
			var body struct {
				Target json.RawMessage `json:"target"`
				fields
			}
			w.must(json.Unmarshal(d.Body, &body))
			w.must(json.Unmarshal(d.Body, &body.fields))
			if got, want := string(body.Target), w.get(path[kind]+resource(d.Name)).want(http.StatusOK).raw; got != want {
				t.Errorf("%s tells %s\nthe API answers %s", d.Name, got, want)
			}
			delete(body.fields, "target")
			want := fields{
				"type": "event", "id": d.ID, "name": d.Name, "merchant_account_id": "default", "gr4vy_id": "host.example",
				"environment": "sandbox", "created_at": w.clock.Now().Format("2006-01-02T15:04:05.000000+00:00"),
			}
			if diff := cmp.Diff(want, body.fields); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", d.Name, id, diff)
			}
		}
		h.n = len(all)
	}
	if h.n != 4 {
		t.Errorf("told %d times, want 4", h.n)
	}
}
