package provider

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// A fault is a way in which the provider misbehaves towards one merchant.
type fault struct {
	sim.Fault
	fired int
}

// faultKinds are the ways that there are, in the order of the protocol.
var faultKinds = []sim.FaultKind{
	sim.FaultStatus, sim.FaultAmount, sim.FaultCurrency, sim.FaultLess, sim.FaultHidden, sim.FaultKeyError,
	sim.FaultKeyBusy, sim.FaultForget, sim.FaultRateLimit, sim.FaultUnexpected,
}

// onceOnly are the kinds that strike the next write, and not all of them.
var onceOnly = []sim.FaultKind{sim.FaultKeyError, sim.FaultKeyBusy}

// tick is the provider's shortest time.
const tick = time.Millisecond

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// A veil hides what happened to a payment from one moment until another has come.
type veil struct{ from, until time.Time }

// fires returns the oldest fault of a kind that strikes now, and counts that it did.
func (p *Provider) fires(m *merchant, kind sim.FaultKind) *sim.Fault {
	for _, f := range m.faults {
		times := f.Times
		if times == 0 && slices.Contains(onceOnly, kind) {
			times = 1
		}
		if f.Kind == kind && (times == 0 || f.fired < times) {
			f.fired++
			return &f.Fault
		}
	}
	return nil
}

// faulty answers a request as the merchant's faults have it. What it does to the books
// is what the request asked for, or nothing.
func (p *Provider) faulty(c *call, do func(*call) (int, []byte)) (status int, body []byte) {
	m := c.merchant
	if f := p.fires(m, sim.FaultRateLimit); f != nil {
		if f.Seconds > 0 {
			c.header = http.Header{"Retry-After": {strconv.Itoa(f.Seconds)}}
		}
		return render(0, nil, &refusal{status: http.StatusTooManyRequests, code: "slow_down", message: "too many requests"})
	}
	if f := p.fires(m, sim.FaultUnexpected); f != nil {
		c.header = http.Header{"Content-Type": {http.DetectContentType([]byte(f.Value))}}
		return http.StatusBadRequest, []byte(f.Value)
	}
	hiding := slices.ContainsFunc(m.faults, func(f *fault) bool { return f.Kind == sim.FaultHidden })
	if hiding {
		p.ahead += tick // what it hides comes later than all there was
	}
	from := p.now()
	status, body = do(c)
	if hiding && c.acted && c.payment != nil {
		if f := p.fires(m, sim.FaultHidden); f != nil {
			c.payment.veils = append(c.payment.veils, veil{from: from, until: from.Add(milliseconds(f.Milliseconds))})
		}
	}
	return status, p.distort(m, body)
}

func (c *call) writes() bool { return !strings.HasPrefix(c.endpoint, "GET ") }

// count counts a request as its merchant's.
func (m *merchant) count(c *call) {
	m.requests++
	if c.writes() {
		m.writes++
	}
}

// distort changes what an answer says of payments, captures and refunds, as the
// merchant's faults have it.
func (p *Provider) distort(m *merchant, body []byte) []byte {
	if len(m.faults) == 0 {
		return body
	}
	var root map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&root) != nil {
		return body
	}
	told := tellsOf(root)
	if len(told) == 0 {
		return body
	}
	changed := false
	for _, kind := range []sim.FaultKind{sim.FaultStatus, sim.FaultAmount, sim.FaultCurrency} {
		f := p.fires(m, kind)
		if f == nil {
			continue
		}
		changed = true
		for _, object := range told {
			misread(object, f)
		}
	}
	text, err := json.Marshal(root)
	if !changed || err != nil {
		return body
	}
	return text
}

// tellsOf lists the objects that an answer is about: it is one, or it has some at its
// top, or it is a list of them.
func tellsOf(root map[string]any) []map[string]any {
	var told []map[string]any
	add := func(value any) {
		if object, ok := value.(map[string]any); ok && object["status"] != nil && object["amount"] != nil {
			told = append(told, object)
		}
	}
	add(root)
	for _, name := range []string{"payment", "capture", "refund"} {
		add(root[name])
	}
	if items, ok := root["items"].([]any); ok {
		for _, item := range items {
			add(item)
		}
	}
	return told
}

// misread has one object say something that is not so.
func misread(object map[string]any, f *sim.Fault) {
	money, ok := object["amount"].(map[string]any)
	if !ok {
		return
	}
	currency, _ := money["currency"].(string)
	switch f.Kind {
	case sim.FaultStatus:
		object["status"] = f.Value
	case sim.FaultAmount:
		sign := ""
		if f.Minor < 0 {
			sign = "-"
		}
		money["value"] = sign + amountOf(max(f.Minor, -f.Minor), currency).Value
	case sim.FaultCurrency:
		money["currency"] = f.Value
	default: // nothing else is read
	}
}
