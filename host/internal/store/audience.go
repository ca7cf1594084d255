package store

import (
	"slices"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// An Announcer decides what merchants are told of changes to payments, and in which
// words. It is called while a payment is changed: it must be quick and must not call the
// store.
type Announcer interface {
	// Watch looks at a payment before it is changed, and returns what looks at it
	// afterwards and says what is to be delivered to whom. The record afterwards is as
	// it will be kept. A change that has to be made again is watched again.
	Watch(before *Record) (after func(*Record, Audience) []Delivery)
}

// An Audience is who is to be told of a payment, and what its own record does not say.
type Audience struct {
	Subscriptions []string // the ids of those that are active; never empty
	Service       string   // display name of the payment service; empty if it is gone
}

// Announce has by told of every change to a payment that somebody has subscribed to.
// What it wants delivered is kept in the same transaction as the change. Announce must
// be called before the store is used by anything that changes payments.
func (s *Store) Announce(by Announcer) { s.announcer = by }

// audienceLife is how long another host's change to subscriptions may go unnoticed.
const audienceLife = time.Second

// audiences remembers who listens, so that changes to payments need not ask. The zero
// value knows nothing.
type audiences struct {
	mu      sync.Mutex
	known   map[string][]string // merchant account, or "" for every one, to subscriptions
	read    time.Time
	version int // one more with every change that this process makes
}

// forget has the next reader ask anew.
func (a *audiences) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version++
	a.known = nil
}

// recall returns what is known and still fresh, or nil.
func (a *audiences) recall(now time.Time) (map[string][]string, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if age := now.Sub(a.read); age < 0 || age >= audienceLife {
		return nil, a.version
	}
	return a.known, a.version
}

// remember keeps what was read, unless something changed while it was being read.
func (a *audiences) remember(known map[string][]string, version int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.version == version {
		a.known, a.read = known, now
	}
}

// audience asks what there is to know of who is to be told of a payment. Once that is
// answered, told says who; without subscriptions, nobody is.
func (s *Store) audience(payment sdk.PaymentID) (questions []question, told func(*Record) Audience) {
	if s.announcer == nil {
		return nil, func(*Record) Audience { return Audience{} }
	}
	now := s.now()
	known, version := s.audiences.recall(now)
	fresh := known == nil
	if fresh {
		known = make(map[string][]string)
		questions = append(questions, question{
			query: `SELECT merchant_account, id FROM subscriptions WHERE active = 1 ORDER BY created_at, id`,
			scan: func(r row) error {
				var account, id string
				err := r.Scan(&account, &id)
				known[account] = append(known[account], id)
				return err
			},
		})
	}
	service := ""
	if fresh || len(known) > 0 {
		questions = append(questions, question{
			query: `SELECT display_name FROM services WHERE id = (SELECT service FROM payments WHERE id = ?)`, args: []any{string(payment)},
			scan: func(r row) error { return r.Scan(&service) },
		})
	}
	return questions, func(rec *Record) Audience {
		if fresh {
			s.audiences.remember(known, version, now)
		}
		a := Audience{Subscriptions: slices.Clone(known[rec.MerchantAccount])}
		if rec.MerchantAccount != "" {
			a.Subscriptions = append(a.Subscriptions, known[""]...)
		}
		if len(a.Subscriptions) > 0 {
			a.Service = service
		}
		return a
	}
}

// watch has the announcer look at a payment before it is changed. What it returns looks
// at it afterwards.
func (s *Store) watch(before *Record, a Audience) (after func(*Record) []Delivery) {
	if len(a.Subscriptions) == 0 {
		return func(*Record) []Delivery { return nil }
	}
	then := s.announcer.Watch(before)
	return func(rec *Record) []Delivery { return then(rec, a) }
}
