package provider

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A hook is where a merchant wants to be told of events.
type hook struct {
	ID     string   `json:"id"`
	URL    string   `json:"url"`
	Events []string `json:"events"`
	Secret string   `json:"secret"`
}

// hookOrder asks for a URL to be told of events. Replaces names a registration that
// ends with it.
type hookOrder struct {
	URL      string   `json:"url"`
	Events   []string `json:"events"`
	Replaces string   `json:"replaces"`
}

// register tells a URL of events from now on: PUT /v1/webhooks. There is never more
// than one registration of a URL; repeated, it stays the one that it was, secret
// included.
func (p *Provider) register(c *call) (int, any, *refusal) {
	var o hookOrder
	if r := c.read(&o); r != nil {
		return 0, nil, r
	}
	if !absolute(o.URL) {
		return 0, nil, invalid("/url", "must be an absolute URL")
	}
	for _, name := range o.Events {
		if !slices.Contains(steps, step(name)) {
			return 0, nil, invalid("/events", "must be among %v", steps)
		}
	}
	m := c.merchant
	h := m.hook(func(h *hook) bool { return h.URL == o.URL })
	if h == nil {
		if h = m.hook(func(h *hook) bool { return h.ID == o.Replaces }); h == nil {
			h = &hook{ID: p.id("whk"), Secret: p.id("whsec")}
			m.hooks = append(m.hooks, h)
		}
	}
	h.URL, h.Events = o.URL, o.Events
	m.hooks = slices.DeleteFunc(m.hooks, func(other *hook) bool { return other != h && other.ID == o.Replaces })
	return http.StatusOK, *h, nil
}

func (m *merchant) hook(match func(*hook) bool) *hook {
	if i := slices.IndexFunc(m.hooks, match); i >= 0 {
		return m.hooks[i]
	}
	return nil
}

// An event is what a webhook says: what happened, and the payment as it is then.
type event struct {
	ID      string       `json:"id"`
	Type    step         `json:"type"`
	Mode    string       `json:"mode"`
	At      time.Time    `json:"at"`
	Payment paymentShown `json:"payment"`
}

// collect makes events of whatever has happened to any payment since it was last
// called. An event shows the payment as it was when it happened.
func (p *Provider) collect() {
	now := p.now()
	for _, x := range p.inOrder {
		if !x.quiet && !x.due.After(now) {
			p.collectOne(x)
		}
	}
}

func (p *Provider) collectOne(x *payment) {
	now := p.now()
	happened := x.at(now).steps
	for ; x.told < len(happened); x.told++ {
		p.announce(x, happened[x.told])
	}
	x.due, x.quiet = x.next(now)
}

// announce queues an event for everybody who wants to be told.
func (p *Provider) announce(x *payment, e entry) {
	p.events++
	body, err := json.Marshal(event{
		ID: "evt_" + strconv.FormatInt(p.events, 10) + "_" + x.id, Type: e.step, Mode: "test", At: e.at,
		Payment: showPayment(x.at(e.at)),
	})
	if err != nil {
		return // impossible: it is made of strings and numbers
	}
	for _, h := range x.merchant.hooks {
		if len(h.Events) == 0 || slices.Contains(h.Events, string(e.step)) {
			p.queue(h, body)
		}
	}
}

// queue sends a body to one URL.
func (p *Provider) queue(h *hook, body []byte) {
	p.outbox = append(p.outbox, &Delivery{hook: h, URL: h.URL, Body: body, due: p.now()})
	p.outbox = p.outbox[max(0, len(p.outbox)-maxOutbox):]
	select {
	case p.wake <- struct{}{}:
	default: // it has been told already
	}
}

// maxOutbox bounds how many deliveries are remembered.
const maxOutbox = 10_000

// Headers of a delivery.
const (
	SignatureHeader = "Reference-Signature" // t=SECONDS,v1=HEX
	HookHeader      = "Reference-Webhook"   // the registration's id; not signed
)

// Sign is the signature header of a body: the lower-case hex of the HMAC-SHA256, keyed
// with the secret as it is, over the decimal Unix seconds, a dot and the exact body.
func Sign(secret string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
