package slot

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Flight is one call on its way to a process.
type Flight struct {
	Kind      sdk.Operation   `json:"kind"`
	Operation sdk.OperationID `json:"operation,omitempty"` // of calls that move money
	Payment   sdk.PaymentID   `json:"payment,omitempty"`
	Attempt   int             `json:"attempt,omitempty"`
	// Subject is what the call has in common with the same call made again, across
	// restarts and releases: its operation, or what it asks about. Empty if there is
	// nothing.
	Subject string `json:"subject,omitempty"`

	delivery []byte // the body of a webhook
	cut      time.Time
}

// name fills in Subject.
func (f Flight) name() Flight {
	switch {
	case f.Operation != "" && f.Kind == sdk.OpFindRefund: // asking about a refund is not the refund
		f.Subject = string(f.Kind) + ":" + string(f.Operation)
	case f.Operation != "":
		f.Subject = string(f.Operation)
	case f.Payment != "":
		f.Subject = string(f.Kind) + ":" + string(f.Payment)
	case len(f.delivery) > 0:
		sum := sha256.Sum256(f.delivery)
		f.Subject = string(f.Kind) + ":" + hex.EncodeToString(sum[:16])
	}
	return f
}

const (
	// seats is how many calls on one process are known by name: more than the most
	// that a slot lets through at once.
	seats = MaxConcurrency
	// moments is how long a call that was cut counts as in flight when its process
	// died: the news of the death may come later than the call's own end.
	moments = 10 * time.Second
)

// A manifest knows the calls that are on their way. Boarding and leaving take no lock,
// unless the process died under the call.
type manifest struct {
	next  atomic.Uint32
	seats [seats]atomic.Pointer[Flight]

	mu  sync.Mutex
	cut []Flight
}

// board takes note of a call, and returns its seat; negative if there is none left.
func (m *manifest) board(f *Flight) int {
	from := int(m.next.Add(1) % seats)
	for i := range seats {
		if seat := (from + i) % seats; m.seats[seat].CompareAndSwap(nil, f) {
			return seat
		}
	}
	return -1
}

// leave forgets a call that came back. One that was cut is remembered first, so that
// whoever looks at any moment finds it in one place or the other.
func (m *manifest) leave(seat int, f *Flight, err error) {
	if err != nil && sdk.AsError(err).Code == sdk.CodePluginCrash {
		m.remember(*f)
	}
	if seat >= 0 {
		m.seats[seat].Store(nil)
	}
}

func (m *manifest) remember(f Flight) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.cut = slices.DeleteFunc(m.cut, func(old Flight) bool { return now.Sub(old.cut) > moments })
	if f.cut = now; len(m.cut) < seats {
		m.cut = append(m.cut, f)
	}
}

func (m *manifest) list() []Flight {
	var all []Flight
	add := func(f Flight) {
		f = f.name()
		f.delivery, f.cut = nil, time.Time{}
		if f.Subject == "" || !slices.ContainsFunc(all, func(a Flight) bool { return a.Subject == f.Subject }) {
			all = append(all, f)
		}
	}
	for i := range m.seats { // before those that were cut: see leave
		if f := m.seats[i].Load(); f != nil {
			add(*f)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.cut {
		if time.Since(f.cut) <= moments {
			add(f)
		}
	}
	return all
}
