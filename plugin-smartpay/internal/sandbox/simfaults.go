package sandbox

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// Endpoints by what their answers, or they, are about.
var (
	creating = []string{"POST /checkout-sessions", "POST /orders", "POST /payments", "POST /refunds"}
	showing  = append([]string{
		"GET /checkout-sessions", "GET /checkout-sessions/{id}", "GET /orders", "GET /orders/{id}",
		"PUT /orders/{id}/cancellation", "GET /payments", "GET /payments/{id}", "GET /refunds", "GET /refunds/{id}",
	}, creating...)
	writing = func() (names []string) {
		for _, r := range endpoints() {
			if r.area == areaAPI && slices.Contains(writes, r.method) {
				names = append(names, r.name)
			}
		}
		return names
	}()
)

// simFaultKinds are the protocol's faults that Smartpay's dialect has words for, in the
// protocol's order. There is no approve_less: Smartpay approves all or nothing.
var simFaultKinds = []string{
	"status", "amount", "currency", "hidden", "key_error", "key_busy", "forget_keys", "rate_limit", "odd_error",
}

// simRule spells a fault as a rule of the one script language there is, for one
// merchant. It is zero for a fault that is over as soon as it is asked for.
func simRule(merchant string, f simFault) (fault.Rule, error) {
	r := fault.Rule{Name: "sim:" + f.Kind, On: fault.Any, Merchant: merchant, Times: f.Times}
	switch f.Kind {
	case "status", "currency":
		r.Do, r.Among, r.Value = fault.OverrideStatus, showing, wire.Encode(f.Value)
		if f.Kind == "currency" {
			r.Do = fault.OverrideCurrency
		}
		return r, required("value", f.Kind, f.Value != "")
	case "amount":
		r.Do, r.Among, r.Value = fault.OverrideAmount, showing, wire.Encode(f.Minor)
		return r, nil
	case "hidden":
		r.Do, r.Among, r.MS = fault.VisibilityDelay, creating, f.Milliseconds
		return r, required("ms", f.Kind, f.Milliseconds > 0)
	case "key_error":
		r.Do, r.Among, r.Times = fault.StoreErrorOnKey, writing, max(1, f.Times)
		return r, nil
	case "key_busy":
		r.Do, r.Among, r.Times, r.MS = fault.KeyBusy, writing, max(1, f.Times), f.Milliseconds
		return r, required("ms", f.Kind, f.Milliseconds > 0)
	case "rate_limit":
		return tooMany(r, f), nil
	case "odd_error":
		r.Do, r.Status, r.Body = fault.Status, http.StatusBadRequest, wire.Encode(f.Value)
		r.Headers = map[string]string{"Content-Type": http.DetectContentType([]byte(f.Value))}
		return r, required("value", f.Kind, f.Value != "")
	}
	return fault.Rule{}, nil // forget_keys
}

// tooMany refuses as the provider might: whether it limits at all, and what it says
// then, is [UNK]. The shape is that of its other errors.
func tooMany(r fault.Rule, f simFault) fault.Rule {
	r.Do, r.Status = fault.Status, http.StatusTooManyRequests
	r.Body = wire.Encode(problem{
		StatusCode: r.Status, ErrorCode: "request.too-many", Message: "too many requests", Details: []string{},
	})
	r.Headers = map[string]string{"Content-Type": "application/json; charset=utf-8"}
	if f.Seconds > 0 {
		r.Headers["Retry-After"] = strconv.Itoa(f.Seconds)
	}
	return r
}

func required(field, kind string, there bool) error {
	if there {
		return nil
	}
	return wrongField(field, "is required for "+kind)
}

// simFault arms a fault for one lane.
func (s *Server) simFault(c *control, l *simMerchant) (any, error) {
	f, err := strictly[simFault](c)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(simFaultKinds, f.Kind) {
		return nil, simRefusal{http.StatusNotImplemented, "fault:" + f.Kind + ": this sandbox cannot do that"}
	}
	if f.Times < 0 || f.Seconds < 0 || f.Milliseconds < 0 {
		return nil, wrongField("times, seconds and ms", "must not be negative")
	}
	rule, err := simRule(l.merchant.Name, f)
	if err != nil {
		return nil, err
	}
	if rule.Do == "" {
		l.do(c, func(tx *book.Tx) { tx.ForgetReplies() })
		return nothing{}, nil
	}
	if _, err := s.faults.Arm(fault.Script{Rules: []fault.Rule{rule}}); err != nil {
		return nil, err
	}
	return nothing{}, nil
}

// simBehave takes back every fault of one lane, and shows what they hid.
func (s *Server) simBehave(c *control, l *simMerchant) (any, error) {
	s.faults.ClearOf(l.merchant.Name)
	s.progress.finish(l.merchant.Name)
	l.do(c, func(tx *book.Tx) { tx.Reveal() })
	return nothing{}, nil
}
