package sandbox

import (
	"context"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/fault"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/webhook"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

// outgoing is what one request gave rise to: webhooks for before and for after
// its answer. Normally all go after.
type outgoing struct {
	before, after []webhook.Message
}

// outgoing decides, once, what becomes of deliveries.
func (s *Server) outgoing(due []*book.Delivery) outgoing {
	var out outgoing
	for _, d := range due {
		m := webhook.Message{
			EventID:  d.Event.ID.Text(book.KindEvent, d.Event.Mode),
			Endpoint: d.Endpoint.Text(book.KindEndpoint, d.Event.Mode),
			Body:     wire.Encode(wire.NewEvent(d.Event)),
			Tag:      d,
		}
		rules := s.faults.Fire(fault.Occasion{
			On: fault.Webhook, Event: string(d.Event.Type), Reference: d.Reference, Merchant: d.Merchant.Name,
		})
		if len(rules) == 0 {
			out.after = append(out.after, m)
			continue
		}
		s.spoil(&out, m, rules)
	}
	return out
}

// shipment is one message and what the rules make of it.
type shipment struct {
	webhook.Message
	now     time.Time
	early   bool
	dropped bool
	copies  int
	replay  *webhook.Message
}

// mishaps is what each action does to a shipment.
var mishaps = map[fault.Action]func(*shipment, fault.Rule){
	fault.Drop:      func(m *shipment, _ fault.Rule) { m.dropped = true },
	fault.Late:      func(m *shipment, r fault.Rule) { m.After = milliseconds(r.MS) },
	fault.Duplicate: func(m *shipment, r fault.Rule) { m.copies = max(1, r.Copies) },
	fault.Reorder:   func(m *shipment, r fault.Rule) { m.Behind = max(1, r.Behind) },
	fault.Early:     func(m *shipment, _ fault.Rule) { m.early = true },
	fault.WrongSignature: func(m *shipment, r fault.Rule) {
		m.Spoil = webhook.OtherSecret
		if r.How != "" {
			m.Spoil = webhook.Spoil(r.How)
		}
	},
	fault.Replay: func(m *shipment, r fault.Rule) {
		m.Signed = m.now
		again := m.Message
		again.After = milliseconds(r.MS)
		m.replay = &again
	},
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// spoil applies the rules that fired to one message.
func (s *Server) spoil(out *outgoing, message webhook.Message, rules []fault.Rule) {
	m := &shipment{Message: message, now: s.clock.Now()}
	for _, r := range rules {
		m.Faults = append(m.Faults, r.Label())
		mishaps[r.Do](m, r)
	}
	if m.dropped {
		s.attempts.add(webhook.Attempt{Message: m.Message, At: m.now, Dropped: true})
		settle(m.Message)
		return
	}
	if m.early {
		out.before = append(out.before, m.Message)
	} else {
		out.after = append(out.after, m.Message)
	}
	for range m.copies {
		out.after = append(out.after, m.Message)
	}
	if m.replay != nil {
		out.after = append(out.after, *m.replay)
	}
}

// sendEarly delivers what is to arrive before the answer.
func (s *Server) sendEarly(ctx context.Context, out outgoing) {
	for _, m := range out.before {
		s.hooks.Deliver(ctx, m)
	}
}

func (s *Server) send(out outgoing) { s.hooks.Send(out.after...) }
