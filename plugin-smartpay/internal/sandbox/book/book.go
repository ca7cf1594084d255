package book

import (
	"container/heap"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
)

// Render spells an object in its plain form, for the data of an event.
type Render func(mode Mode, subject any) json.RawMessage

// Book is the whole provider: every merchant, one clock, one source of
// identifiers. It is safe for concurrent use.
type Book struct {
	clock  *Clock
	seed   uint64
	ids    *source
	secret string // signs the addresses of hosted pages
	render Render

	mu        sync.RWMutex
	merchants map[string]*Merchant // by hash of the secret key

	moves   movements
	journal *journal // nil when nothing is kept
}

// New opens an empty book. The same seed gives the same identifiers for the
// same sequence of calls.
func New(seed uint64, clock *Clock, render Render) *Book {
	ids := newSource(seed, 0)
	return &Book{
		clock: clock, seed: seed, ids: ids, secret: ids.letters(43), render: render,
		merchants: make(map[string]*Merchant),
	}
}

// Secret is the book's own key for signing addresses of hosted pages.
func (b *Book) Secret() string { return b.secret }

// Clock is the clock the book reads.
func (b *Book) Clock() *Clock { return b.clock }

// Merchant opens the space of objects that belongs to a secret key. Different
// keys are different merchants; the mode is written in the key.
func (b *Book) Merchant(secretKey string) *Merchant {
	mode := Test
	if strings.HasPrefix(secretKey, "sk_live_") {
		mode = Live
	}
	return b.merchant(hashOf(secretKey), mode)
}

// NewKey makes a secret key, in test mode, of a merchant that nobody has seen: its
// name, too, is no other's.
func (b *Book) NewKey() string {
	for {
		key := "sk_test_" + b.ids.letters(24)
		taken := slices.ContainsFunc(b.Merchants(), func(m *Merchant) bool { return m.Name == Fingerprint(key) })
		if !taken {
			return key
		}
	}
}

func (b *Book) merchant(keyHash string, mode Mode) *Merchant {
	b.mu.RLock()
	m := b.merchants[keyHash]
	b.mu.RUnlock()
	if m != nil {
		return m
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if m = b.merchants[keyHash]; m == nil {
		m = &Merchant{Mode: mode, Name: nameOf(keyHash), book: b, key: keyHash, codes: make(map[string]*PromotionCode)}
		b.merchants[keyHash] = m
	}
	return m
}

// Merchants lists every merchant seen so far, in an order that does not change.
func (b *Book) Merchants() []*Merchant {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := make([]*Merchant, 0, len(b.merchants))
	for _, m := range b.merchants {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *Merchant) int { return strings.Compare(a.key, b.key) })
	return all
}

// Merchant is one secret key's space of objects. It is safe for concurrent use;
// everything inside is reached through [Merchant.Do].
type Merchant struct {
	Mode Mode
	Name string // a fingerprint of the secret key, safe to print

	book *Book
	key  string // the hash of the secret key

	mu         sync.Mutex
	sessions   table[Session]
	orders     table[Order]
	payments   table[Payment]
	refunds    table[Refund]
	tokens     table[Token]
	endpoints  table[Endpoint]
	coupons    table[Coupon]
	promotions table[PromotionCode]
	codes      map[string]*PromotionCode // by lower-case code
	replies    replies
	expiring   expiring
	hidden     map[ID]hiding
	owed       []*Delivery
	deliveries int64 // ever owed
}

// Cause says who makes a change: it is written beside every movement of money.
type Cause struct {
	By      string // "api", "page", "control", "clock" or "consumer"
	Key     string // the Idempotency-Key of the request, where there was one
	Reading bool   // nothing will be changed, and what is hidden stays so
}

// Tx is one change, or one consistent look, at a merchant's books. It is valid
// only inside the function given to [Merchant.Do].
type Tx struct {
	m       *Merchant
	now     time.Time
	cause   Cause
	events  []*Event
	created []ID

	// What has to be kept of the change, where anything is.
	touched    []any
	moved      []Movement
	remembered []replyRow
	forgot     bool
}

// Do runs fn alone with the merchant's books and returns the webhook deliveries
// that the change gave rise to, in order. Authorisations whose time has come
// expire before fn looks.
func (m *Merchant) Do(cause Cause, fn func(*Tx)) []*Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	tx := &Tx{m: m, now: m.book.clock.Now(), cause: cause}
	tx.expireDue()
	fn(tx)
	return tx.commit()
}

// Merchant is whose books these are.
func (tx *Tx) Merchant() *Merchant { return tx.m }

// Now is the moment of the change.
func (tx *Tx) Now() time.Time { return tx.now }

func (tx *Tx) ms() int64 { return tx.now.UnixMilli() }
func (tx *Tx) id() ID    { return tx.m.book.ids.id() }

// emit notes an event about subject; its data is taken when the change is complete.
func (tx *Tx) emit(t EventType, subject any) {
	tx.events = append(tx.events, &Event{ID: tx.id(), Type: t, At: tx.ms(), Mode: tx.m.Mode, subject: subject})
}

// Emit sends an event of any type about anything, for a test that needs one
// the provider would not send of itself.
func (tx *Tx) Emit(t EventType, data json.RawMessage) {
	tx.emit(t, data)
}

// Broadcast is [Tx.Emit] to every endpoint that is switched on, whatever it has
// subscribed to. It reports whether there is one.
func (tx *Tx) Broadcast(t EventType, data json.RawMessage) bool {
	tx.emit(t, data)
	tx.events[len(tx.events)-1].broadcast = true
	return slices.ContainsFunc(tx.m.endpoints.all, (*Endpoint).on)
}

// touch notes that objects have changed.
func (tx *Tx) touch(objects ...any) {
	if tx.m.book.journal == nil {
		return
	}
	for _, object := range objects {
		if !slices.Contains(tx.touched, object) {
			tx.touched = append(tx.touched, object)
		}
	}
}

func (tx *Tx) commit() []*Delivery {
	var due []*Delivery
	for _, event := range tx.events {
		if data, ready := event.subject.(json.RawMessage); ready {
			event.Data = data
		} else {
			event.Data = tx.m.book.render(tx.m.Mode, event.subject)
		}
		reference := referenceOf(event.subject)
		event.subject = nil
		for _, endpoint := range tx.m.endpoints.all {
			if endpoint.wants(event.Type) || event.broadcast && endpoint.on() {
				tx.m.deliveries++
				due = append(due, &Delivery{
					Merchant: tx.m, Seq: tx.m.deliveries, Endpoint: endpoint.ID, Event: event, Reference: reference,
				})
			}
		}
	}
	tx.m.owed = append(tx.m.owed, due...)
	tx.m.book.journal.keep(tx, due)
	return due
}

func referenceOf(subject any) string {
	switch s := subject.(type) {
	case *Order:
		return s.Reference
	case *Payment:
		return s.Order.Reference
	case *Refund:
		return s.Payment.Order.Reference
	default:
		return ""
	}
}

// Settle marks a delivery as no longer owed: acknowledged, or given up.
func (m *Merchant) Settle(d *Delivery) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := slices.Index(m.owed, d); i >= 0 {
		m.owed = slices.Delete(m.owed, i, i+1)
		m.book.journal.write(entry{Merchant: m.key, Mode: m.Mode, Settled: []int64{d.Seq}})
	}
}

// Owed lists the deliveries that have neither been acknowledged nor given up,
// in order.
func (m *Merchant) Owed() []*Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.owed)
}

// Address gives where an endpoint wants its webhooks now and the secret that
// signs them, or false when it has been deleted or switched off.
func (m *Merchant) Address(endpoint ID) (url, secret string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.endpoints.byID[endpoint]
	if e == nil || e.Deleted || !e.Active {
		return "", "", false
	}
	return e.URL, e.Secret, true
}

// expiring is a heap of authorised orders by the time their authorisation ends.
type expiring []*Order

func (h expiring) Len() int           { return len(h) }
func (h expiring) Less(i, j int) bool { return h[i].Expires < h[j].Expires }
func (h expiring) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements [heap.Interface].
func (h *expiring) Push(x any) {
	if order, ok := x.(*Order); ok {
		*h = append(*h, order)
	}
}

// Pop implements [heap.Interface].
func (h *expiring) Pop() any {
	last := len(*h) - 1
	order := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return order
}

func (tx *Tx) expireDue() {
	for len(tx.m.expiring) > 0 && tx.m.expiring[0].Expires <= tx.ms() {
		order, ok := heap.Pop(&tx.m.expiring).(*Order)
		if !ok || order.Status != RequiresCapture {
			continue
		}
		was := tx.cause
		tx.cause = Cause{By: "clock"}
		tx.take(order, Expire, 0)
		tx.cause = was
	}
}
