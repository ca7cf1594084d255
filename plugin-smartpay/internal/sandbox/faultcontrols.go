package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// faultControls are the controls that make the sandbox misbehave, and those
// that do what a merchant or a provider can do outside the API.
func faultControls(ctl func(method, pattern string, h controlHandler) route) []route {
	return []route{
		ctl("GET", "/faults", (*Server).showFaults),
		ctl("POST", "/faults", (*Server).armFaults),
		ctl("DELETE", "/faults", (*Server).clearFaults),
		ctl("DELETE", "/faults/{fault}", (*Server).disarmFault),
		ctl("POST", "/events", (*Server).emitEvent),
		ctl("POST", "/orders/{order}/expire", (*Server).expireOrder),
		ctl("POST", "/orders/{order}/dashboard/capture", (*Server).dashboardCapture),
		ctl("POST", "/orders/{order}/dashboard/cancel", (*Server).dashboardCancel),
		ctl("POST", "/payments/{payment}/dashboard/refund", (*Server).dashboardRefund),
		ctl("POST", "/webhook-endpoints/{endpoint}/rotate-secret", (*Server).rotateSecret),
	}
}

type faultList struct {
	Faults []fault.Rule `json:"faults"`
}

func (s *Server) showFaults(*control) (answer, error) {
	return ok(faultList{s.faults.Rules()}), nil
}

// armFaults adds a script to what is armed already.
func (s *Server) armFaults(c *control) (answer, error) {
	script, err := fault.Parse(c.body, endpointNames())
	if err != nil {
		return answer{}, invalid(err.Error())
	}
	rules, err := s.faults.Arm(script)
	if err != nil {
		return answer{}, invalid(err.Error())
	}
	return ok(faultList{rules}), nil
}

func (s *Server) clearFaults(*control) (answer, error) {
	s.faults.Clear()
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) disarmFault(c *control) (answer, error) {
	if id, err := strconv.Atoi(c.target.params["fault"]); err != nil || !s.faults.Disarm(id) {
		return answer{}, &invalidRequest{code: routeNotFound, message: "no such fault is armed"}
	}
	return answer{status: http.StatusNoContent}, nil
}

// endpointNames lists what a rule may be on.
func endpointNames() []string {
	var names []string
	for _, r := range endpoints() {
		names = append(names, r.name)
	}
	return names
}

// emitEvent sends an event that nothing here caused: of a type that is unknown,
// say, or of one that only a payout would cause.
func (s *Server) emitEvent(c *control) (answer, error) {
	in, err := c.input()
	if err != nil {
		return answer{}, err
	}
	in.require("merchant", "type", "data")
	key, name, data := in.text("merchant", 1, maxText), in.text("type", 1, maxText), in.object("data").raw()
	if key != "" && !secretKey.MatchString(key) {
		in.fault("merchant", "must be a secret key")
	}
	if err := in.err(); err != nil {
		return answer{}, err
	}
	c.merchant = s.book.Merchant(key)
	c.do(book.Cause{By: "control"}, func(tx *book.Tx) { tx.Emit(book.EventType(name), data) })
	return ok(struct {
		Deliveries int `json:"deliveries"`
	}{len(c.due)}), nil
}

// expireOrder lets one order's authorisation end now.
func (s *Server) expireOrder(c *control) (answer, error) {
	return s.outside(c, func(tx *book.Tx, o *book.Order) (json.RawMessage, error) {
		if !tx.ExpireOrder(o) {
			return nil, &book.Refusal{Code: book.CannotCapture, Message: "an order that is " + string(o.Status) + " cannot expire"}
		}
		return wire.Encode(wire.NewOrder(tx.Merchant().Mode, o, true)), nil
	})
}

// dashboardCapture captures as the merchant's staff would in the dashboard.
func (s *Server) dashboardCapture(c *control) (answer, error) {
	in, err := c.input()
	if err != nil {
		return answer{}, err
	}
	amount, keep := in.integer("amount", 1, maxAmount), in.manual("cancelRemainder")
	if err := in.err(); err != nil {
		return answer{}, err
	}
	return s.outside(c, func(tx *book.Tx, o *book.Order) (json.RawMessage, error) {
		if amount == 0 {
			amount = o.Remaining()
		}
		p, err := tx.Capture(book.CaptureSpec{
			Order: c.target.params["order"], Amount: amount, Currency: o.Currency, Keep: keep,
		})
		if err != nil {
			return nil, err
		}
		return wire.Encode(wire.NewPayment(tx.Merchant().Mode, p, false)), nil
	})
}

func (s *Server) dashboardCancel(c *control) (answer, error) {
	return s.outside(c, func(tx *book.Tx, _ *book.Order) (json.RawMessage, error) {
		o, err := tx.CancelOrder(c.target.params["order"])
		if err != nil {
			return nil, err
		}
		return wire.Encode(wire.NewOrder(tx.Merchant().Mode, o, true)), nil
	})
}

// outside does something to an order that its merchant did not ask for over
// the API.
func (s *Server) outside(c *control, fn func(*book.Tx, *book.Order) (json.RawMessage, error)) (answer, error) {
	a := answer{status: http.StatusOK}
	err := error(&book.Refusal{Code: book.OrderNotFound, Message: "no such order"})
	c.due = s.withOrder(c.target.params["order"], "control", func(tx *book.Tx, o *book.Order) { a.body, err = fn(tx, o) })
	return a, err
}

// dashboardRefund refunds as the merchant's staff would in the dashboard.
func (s *Server) dashboardRefund(c *control) (answer, error) {
	in, err := c.input()
	if err != nil {
		return answer{}, err
	}
	amount := in.integer("amount", 1, maxAmount)
	if err := in.err(); err != nil {
		return answer{}, err
	}
	a := answer{status: http.StatusOK}
	err = &book.Refusal{Code: book.PaymentNotFound, Message: "no such payment"}
	c.due = s.everywhere("control", func(tx *book.Tx) bool {
		p, missing := tx.Payment(c.target.params["payment"])
		if missing != nil {
			return false
		}
		var r *book.Refund
		r, err = tx.Refund(book.RefundSpec{
			Payment: c.target.params["payment"], Amount: amount, Currency: p.Order.Currency, Reason: "requested_by_customer",
		})
		if err == nil {
			a.body = wire.Encode(wire.NewRefund(tx.Merchant().Mode, r, false))
		}
		return true
	})
	return a, err
}

// rotateSecret gives an endpoint a new signing secret. How a merchant does that
// at the real provider is unknown; its API has no call for it.
func (s *Server) rotateSecret(c *control) (answer, error) {
	a := answer{status: http.StatusOK}
	err := error(&book.Refusal{Code: book.EndpointNotFound, Message: "no such webhook endpoint"})
	c.due = s.everywhere("control", func(tx *book.Tx) bool {
		e, missing := tx.RotateSecret(c.target.params["endpoint"])
		if missing != nil {
			return false
		}
		a.body, err = wire.Encode(wire.NewEndpoint(tx.Merchant().Mode, e)), nil
		return true
	})
	return a, err
}
