package hooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// forgeries are ways to spoil the delivery so that nothing of it is proven.
func (m *letter) forgeries() map[string]func(*sdk.WebhookRequest) {
	return map[string]func(*sdk.WebhookRequest){
		"without headers":       func(r *sdk.WebhookRequest) { r.Headers = nil },
		"without secrets":       func(r *sdk.WebhookRequest) { r.Secrets = nil },
		"with a byte more":      func(r *sdk.WebhookRequest) { r.Body = append(r.Body, ' ') },
		"with another secret":   func(r *sdk.WebhookRequest) { r.Secrets[0].Secret = sdk.NewSecret("another") },
		"with an empty body":    func(r *sdk.WebhookRequest) { r.Body = nil },
		"with a flipped bit":    func(r *sdk.WebhookRequest) { r.Body[len(r.Body)/2] ^= 1 },
		"of a year ago, forged": func(r *sdk.WebhookRequest) { r.Now, r.Headers = r.Now.AddDate(1, 0, 0), nil },
	}
}

var saysNothing = suite.Case{
	ID: "hooks/unverified-says-nothing", Requirement: "PC-HOOK-014", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "Of a delivery that is not proven genuine nothing is told: no event id, no type, no observation.",
	Why:  "An event id that a forger chose makes the genuine event look like its repetition.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		var wrong []error
		for what, spoil := range m.forgeries() {
			step := "reading a delivery " + what
			r, err := l.Remote.ReadWebhook(ctx, m.request(spoil))
			if err := unbelieved(step, r, err); err != nil {
				wrong = append(wrong, err)
				continue
			}
			if r.EventID != "" || r.EventType != "" || len(r.Observations) > 0 || r.ReadAgain {
				wrong = append(wrong, suite.Brokenf(step, "nothing of what it says", "event %q of type %q with %d observations",
					r.EventID, r.EventType, len(r.Observations)))
			}
		}
		return errors.Join(wrong...)
	},
}

var acknowledged = suite.Case{
	ID: "hooks/acknowledgement", Requirement: "PC-HOOK-015", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "What is believed is answered with 2xx, and what is not with 4xx.",
	Why:  "With 2xx for a forgery, a provider whose clock or secret is off never sends again; with 5xx for an event, it never stops.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		wrong := []error{answered("answering a delivery that is believed", m.reading, 2)}
		for what, spoil := range m.forgeries() {
			r, err := l.Remote.ReadWebhook(ctx, m.request(spoil))
			if err != nil {
				wrong = append(wrong, suite.Brokenf("reading a delivery "+what, "an answer", "%v", err))
				continue
			}
			wrong = append(wrong, answered("answering a delivery "+what, r, 4))
		}
		return errors.Join(wrong...)
	},
}

func answered(step string, r sdk.WebhookReading, class int) error {
	if r.Respond.Status/100 != class {
		return suite.Brokenf(step, fmt.Sprintf("a status of %dxx", class), "%d", r.Respond.Status)
	}
	return nil
}

// Bounds of a reading that anybody on the internet can ask for.
const (
	readingTime   = 5 * time.Second
	readingMemory = 256 << 20
)

var oversize = suite.Case{
	ID: "hooks/oversize", Requirement: "PC-HOOK-016", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses, Slow: true,
	Rule: "Bodies that are huge, deep, compressed or no text are refused within five seconds and 256 MB.",
	Why:  "One request from anybody would take the connector down, and every payment with it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		m, err := received(ctx, l)
		if err != nil {
			return err
		}
		before := peak(l.Process.PID())
		var wrong []error
		for what, body := range monsters(m.sent.Body) {
			bounded, cancel := context.WithTimeout(ctx, readingTime)
			r, err := l.Process.ReadWebhook(bounded, m.request(func(r *sdk.WebhookRequest) {
				r.Body = body
				if what == "that is compressed" {
					r.Headers["Content-Encoding"] = []string{"gzip"}
				}
			}))
			cancel()
			step := "reading a body " + what
			switch {
			case err != nil:
				wrong = append(wrong, suite.Brokenf(step, "a refusal in time", "%v", err))
			case r.Refused == nil:
				wrong = append(wrong, suite.Brokenf(step, "a refusal", "believed"))
			}
		}
		if grown := peak(l.Process.PID()) - before; grown > readingMemory {
			wrong = append(wrong, suite.Brokenf("reading them all", "256 MB at most", "%d MB more", grown>>20))
		}
		return errors.Join(wrong...)
	},
}

// monsters are bodies that no provider sends.
func monsters(genuine []byte) map[string][]byte {
	const huge = 3 << 20
	return map[string][]byte{
		"of three megabytes":   append(bytes.Clone(genuine), bytes.Repeat([]byte(" "), huge)...),
		"of brackets":          bytes.Repeat([]byte("["), huge/3),
		"of objects in others": bytes.Repeat([]byte(`{"a":`), huge/10),
		"that is compressed":   append([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"), bytes.Repeat([]byte{0}, 1<<10)...),
		"that is not UTF-8":    append(bytes.Clone(genuine), 0xff, 0xfe),
		"of nothing":           nil,
	}
}

// peak is the most memory that a process has held so far, in bytes; 0 where there is no
// telling.
func peak(pid int) int64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if pid == 0 || err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	line, _, _ := strings.Cut(rest, "kB")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	if err != nil {
		return 0
	}
	return kilobytes << 10
}

// announced has the simulator send an event and returns the reading of it.
func announced(ctx context.Context, l *suite.Lane, e sim.Event) (sdk.WebhookReading, error) {
	sub, err := l.Subscribe(ctx)
	if err != nil {
		return sdk.WebhookReading{}, err
	}
	if err := l.Event(ctx, e); err != nil {
		return sdk.WebhookReading{}, err
	}
	waiting, cancel := context.WithTimeout(ctx, arrival)
	defer cancel()
	taken, err := sub.Deliveries(waiting, 1)
	if err != nil {
		return sdk.WebhookReading{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, readingTime)
	defer cancel()
	reading, err := sub.Read(bounded, taken[len(taken)-1])
	if err != nil {
		return reading, suite.Brokenf(fmt.Sprintf("reading an event of type %q", e.Type), "an answer", "%v", err)
	}
	return reading, nil
}

var (
	eventNeeds = []sdk.Operation{sdk.OpReadWebhook, sdk.OpRegisterWebhook}
	eventUses  = []sim.Ability{sim.CanWebhooks, sim.CanEvents}
)

var unknownEvent = suite.Case{
	ID: "hooks/unknown-event", Requirement: "PC-HOOK-017", Profile: suite.Webhooks, Needs: eventNeeds, Sim: true, Uses: eventUses,
	Rule: "An event of a type that does not exist yet is acknowledged with 2xx, and ignored with unknown_event.",
	Why:  "The provider adds a type and sends it for ever, or switches the endpoint off after so many errors.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		name := l.Fixtures().UnknownEvent
		if name == "" {
			return fmt.Errorf("%w: unknown_event is missing", suite.ErrNotTestable)
		}
		r, err := announced(ctx, l, sim.Event{Type: name})
		if err != nil {
			return err
		}
		step := fmt.Sprintf("reading an event of type %q", name)
		switch {
		case r.Refused == nil:
			return suite.Brokenf(step, "it to be ignored with unknown_event", "believed with %d observations", len(r.Observations))
		case r.Refused.Code != sdk.CodeUnknownEvent:
			return suite.Brokenf(step, "it to be ignored with unknown_event", "refused: %v", r.Refused)
		case len(r.Observations) > 0:
			return suite.Brokenf(step, "no observation", "%d", len(r.Observations))
		}
		return answered(step, r, 2)
	},
}

var oddEvent = suite.Case{
	ID: "hooks/odd-event", Requirement: "PC-HOOK-018", Profile: suite.Webhooks, Needs: eventNeeds, Sim: true, Uses: eventUses,
	Rule: "A signed event that does not say what its type should is answered, and tells of no money.",
	Why:  "One odd event, sent again and again, would take the connector down every time.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		for _, data := range []map[string]any{{}, {"id": 7, "status": []any{}, "amount": "much", "payment": "none", "payments": 3}} {
			for _, name := range l.Description.Manifest.Webhook.Events {
				if err := tellsOfNoMoney(ctx, l, sim.Event{Type: name, Data: data}); err != nil {
					return err
				}
			}
		}
		return nil
	},
}

// tellsOfNoMoney reads an event without meaning, on a lane of its own.
func tellsOfNoMoney(ctx context.Context, l *suite.Lane, e sim.Event) error {
	other, err := l.Other(ctx)
	if err != nil {
		return err
	}
	r, err := announced(ctx, other, e)
	err = errors.Join(err, other.Lawful(), other.Close(ctx))
	if err != nil {
		return err
	}
	for _, s := range r.Observations {
		if s.Authorized != nil || s.Captured != nil || s.Refunded != nil || len(s.Captures)+len(s.Refunds) > 0 {
			return suite.Brokenf(fmt.Sprintf("reading a %s without meaning", e.Type), "no word of money", "%+v", s)
		}
	}
	return nil
}

// depth is how deep a nested event is: less than what a JSON reader of Go's takes, and
// more than what one that recurses without thought survives.
const depth = 4000

var nestedEvent = suite.Case{
	ID: "hooks/nested-event", Requirement: "PC-HOOK-016", Profile: suite.Webhooks, Needs: eventNeeds, Sim: true, Uses: eventUses, Slow: true,
	Rule: "A signed event that is nested thousands deep is answered within five seconds.",
	Why:  "What recurses without end takes the process down, and every payment with it.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		data := map[string]any{}
		for range depth {
			data = map[string]any{"a": data}
		}
		return tellsOfNoMoney(ctx, l, sim.Event{Type: l.Description.Manifest.Webhook.Events[0], Data: data})
	},
}
