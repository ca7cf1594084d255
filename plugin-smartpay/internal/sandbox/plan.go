package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// longestHang bounds how long a fault can hold a request back.
const longestHang = 10 * time.Minute

// plan is what the rules that fired do to one request. The zero plan is to do
// as asked.
type plan struct{ rules []fault.Rule }

// plan asks the fault engine about a request.
func (s *Server) plan(c *call) plan {
	if c.target.name == "" {
		return plan{}
	}
	return plan{s.faults.Fire(fault.Occasion{
		On: c.target.name, Reference: c.reference, Merchant: c.merchantName(), Key: c.key,
	})}
}

func (p plan) labels() []string {
	var labels []string
	for _, r := range p.rules {
		labels = append(labels, r.Label())
	}
	return labels
}

func (p plan) first(actions ...fault.Action) (fault.Rule, bool) {
	for _, r := range p.rules {
		for _, action := range actions {
			if r.Do == action {
				return r, true
			}
		}
	}
	return fault.Rule{}, false
}

// carryOut does a request as the plan has it. It reports false where the
// connection is to be dropped instead of answered.
func (s *Server) carryOut(c *call, refusal *answer) (a answer, answered bool) {
	if r, ok := c.plan.first(fault.Delay); ok {
		s.pause(c.request.Context(), r.MS)
	}
	if _, ok := c.plan.first(fault.ExpireKeys); ok && c.merchant != nil {
		c.do(book.Cause{By: "control"}, func(tx *book.Tx) { tx.ForgetReplies() })
	}
	if s.progress.busy(c, s.clock.Now()) {
		return stillAnswered(), true
	}
	if a, instead, answered := s.instead(c); instead {
		return a, answered
	}
	if r, ok := c.plan.first(fault.KeyInProgress); ok {
		defer s.progress.begin(c)()
		defer s.pause(c.request.Context(), r.MS)
	}
	if refusal != nil {
		a = *refusal
	} else {
		a = s.answer(c)
	}
	if r, ok := c.plan.first(fault.KeyBusy); ok && refusal == nil {
		s.progress.until(c, s.clock.Now().Add(milliseconds(r.MS)))
		return stillAnswered(), true
	}
	a.override(c.plan)
	return a, true
}

func stillAnswered() answer {
	return refused(idempotencyInProgress, "another request with this Idempotency-Key is still being answered")
}

// instead answers, or does not, where a rule keeps the request from acting.
func (s *Server) instead(c *call) (a answer, instead, answered bool) {
	r, ok := c.plan.first(fault.Hang, fault.ResetBeforeHeaders, fault.Status, fault.StoreErrorOnKey,
		fault.EchoRequestInError)
	if !ok || r.Act {
		return answer{}, false, false
	}
	if r.Do == fault.Hang {
		s.hang(c, r)
	}
	if r.Do == fault.Hang || r.Do == fault.ResetBeforeHeaders {
		return answer{}, true, false
	}
	if r.Do == fault.EchoRequestInError {
		return echo(c, r), true, true
	}
	a = made(r)
	if r.Do == fault.StoreErrorOnKey && c.merchant != nil && c.key != "" {
		c.do(book.Cause{By: "api", Key: c.key}, func(tx *book.Tx) {
			tx.Remember(c.scope(), c.body, book.Reply{Status: a.status, Body: a.body})
		})
	}
	return a, true, true
}

// finish sends the answer as the plan has it.
func (s *Server) finish(w http.ResponseWriter, c *call, a answer) {
	r, ok := c.plan.first(fault.Hang, fault.ResetBeforeHeaders, fault.ActThenDropResponse, fault.Status,
		fault.ResetMidBody, fault.SlowDrip)
	switch {
	case !ok, r.Do == fault.Status && !r.Act:
		a.write(w)
	case r.Do == fault.Status:
		made(r).write(w)
	case r.Do == fault.ResetMidBody:
		a.cut(w, r.AfterBytes)
		reset(w)
	case r.Do == fault.SlowDrip:
		s.drip(w, c, a, r.BytesPerSecond)
	case r.Do == fault.Hang:
		s.hang(c, r)
		reset(w)
	default:
		reset(w)
	}
}

// hang holds a request back as long as a rule says.
func (s *Server) hang(c *call, r fault.Rule) {
	ms := r.MS
	if ms == 0 {
		ms = longestHang.Milliseconds()
	}
	s.pause(c.request.Context(), ms)
}

// pause waits, unless the client leaves or the sandbox closes. It reports
// whether the time has passed.
func (s *Server) pause(ctx context.Context, ms int64) bool {
	timer := time.NewTimer(min(time.Duration(ms)*time.Millisecond, longestHang))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.closing:
	}
	return false
}

// made is an answer of a rule's own making.
func made(r fault.Rule) answer {
	a := answer{status: r.Status, header: r.Headers}
	if a.status == 0 {
		a.status = http.StatusInternalServerError
	}
	var text string
	switch {
	case r.Body == nil:
		a.body = wire.Encode(problem{
			StatusCode: a.status, ErrorCode: "unexpected", Message: "made by a fault", Details: []string{},
		})
	case r.Body[0] == '"' && json.Unmarshal(r.Body, &text) == nil:
		a.body = []byte(text)
	default:
		a.body = r.Body
	}
	return a
}

// echo repeats a whole request in the text of an error, credentials and all:
// a careless provider, for whoever must not pass that on.
func echo(c *call, r fault.Rule) answer {
	status := r.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	var text strings.Builder
	_, _ = fmt.Fprintf(&text, "%s %s\n", c.request.Method, c.request.URL)
	_ = c.request.Header.Write(&text) // a builder takes everything
	text.WriteString("\n")
	text.Write(c.body)
	return answer{status: status, body: wire.Encode(problem{
		StatusCode: status, ErrorCode: book.RequestInvalid, Message: text.String(), Details: []string{text.String()},
	})}
}

// overridden names the field that an action changes.
var overridden = map[fault.Action]string{
	fault.OverrideAmount: "amount", fault.OverrideCurrency: "currency", fault.OverrideStatus: "status",
}

// override changes fields of a JSON answer as the rules say.
func (a *answer) override(p plan) {
	for _, r := range p.rules {
		field := overridden[r.Do]
		if r.Do == fault.OverrideField {
			field = r.Field
		}
		if field == "" || a.status >= http.StatusBadRequest && r.Do != fault.OverrideField {
			continue // an error has no amount, currency or status of an order
		}
		if changed, ok := replace(a.body, field, r.Value); ok {
			a.body = changed
		}
	}
}

// replace sets a field of a JSON object, which may be nested, or of every object
// in a list. A plain amount, currency or status is that of the order where the
// answer is a session's.
func replace(body []byte, field string, value json.RawMessage) ([]byte, bool) {
	root, err := decode(body)
	object, ok := root.(map[string]any)
	if err != nil || !ok {
		return nil, false
	}
	if listed, isList := object["data"].([]any); isList && object["object"] == "collection" {
		for _, entry := range listed {
			inner, _ := entry.(map[string]any)
			put(inner, field, value)
		}
		return wire.Encode(object), true
	}
	if !put(object, field, value) {
		return nil, false
	}
	return wire.Encode(object), true
}

// put sets a field of one object, and reports whether there is a place for it.
func put(object map[string]any, field string, value json.RawMessage) bool {
	if object == nil {
		return false
	}
	if inner, nested := object["order"].(map[string]any); nested && object[field] == nil && inner[field] != nil {
		field = "order." + field
	}
	for {
		name, rest, deeper := strings.Cut(field, ".")
		if !deeper {
			object[name] = value
			return true
		}
		inner, nested := object[name].(map[string]any)
		if !nested {
			return false
		}
		object, field = inner, rest
	}
}

// inProgress is the idempotency keys whose request is still being answered, as
// far as anybody is told: while the answer is being held back, or until a time
// that a rule has set.
type inProgress struct {
	mu   sync.Mutex
	keys map[string]bool
	ends map[string]busyUntil
}

type busyUntil struct {
	merchant string
	at       time.Time
}

func (p *inProgress) busy(c *call, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.key == "" {
		return false
	}
	name := c.progressKey()
	end, set := p.ends[name]
	if set && !now.Before(end.at) {
		delete(p.ends, name)
		set = false
	}
	return set || p.keys[name]
}

func (p *inProgress) begin(c *call) (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.keys == nil {
		p.keys = make(map[string]bool)
	}
	name := c.progressKey()
	p.keys[name] = true
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.keys, name)
	}
}

// until keeps a key in progress until a time.
func (p *inProgress) until(c *call, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.key == "" {
		return
	}
	if p.ends == nil {
		p.ends = make(map[string]busyUntil)
	}
	p.ends[c.progressKey()] = busyUntil{merchant: c.merchantName(), at: at}
}

// finish ends what [inProgress.until] has set for one merchant.
func (p *inProgress) finish(merchant string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.ends, func(_ string, end busyUntil) bool { return end.merchant == merchant })
}
