package smartpay

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
)

// Bounds of reading a list. Smartpay has no filter for its lists and does not say how
// large a page may be; a server that caps it lower only makes more pages of it. What
// bounds a search in practice is its deadline.
const (
	pageSize = 100
	maxPages = 1000
)

// A listed object has a time of creation.
type listed interface {
	*api.Order | *api.Refund
}

// A searcher reads one list of one account for all who look for something in it at the
// same time. After an outage there can be hundreds of payments to look for, and each
// search reads the list from its newest object on: together they cost Smartpay no more
// than one does. Who comes while a walk is under way takes part in the next, since what
// is newest may have been read already.
//
// Lists are newest first [INF]. A walk relies on that to be done early only while the
// pages it reads bear it out; otherwise it reads to the end of the list.
type searcher[T listed] struct {
	list  api.Endpoint
	fetch func(context.Context, api.PageRequest) (*api.Page[T], error)
	at    func(T) api.Millis

	mu    sync.Mutex
	under *walk[T] // under way; nil if none is
	next  *walk[T] // who waits for it to end; nil if nobody does
}

// A walk is one reading of the list.
type walk[T listed] struct {
	seekers []*seeker[T] // who has neither been told nor left
	cancel  context.CancelFunc
	ended   chan struct{}
}

// A seeker takes part in a walk.
type seeker[T listed] struct {
	oldest   int64 // the time, in milliseconds, back to which it looks; meaningless if everything is true
	all      bool  // it looks at everything
	visit    func(T)
	told     chan struct{} // closed when the walk has nothing more for it
	complete bool          // valid once told, like err
	err      error
}

// seek visits what the list holds that is not older than since, or everything if since
// is zero, and more. It reports whether it has seen all of that: it gives up after
// maxPages. An object may be visited twice, when new ones push it onto the next page.
// Nothing is visited any more once seek has returned.
func (w *searcher[T]) seek(ctx context.Context, since time.Time, visit func(T)) (complete bool, err error) {
	s := &seeker[T]{oldest: since.UnixMilli(), all: since.IsZero(), visit: visit, told: make(chan struct{})}
	mine := w.join(ctx, s)
	select {
	case <-s.told:
	case <-ctx.Done():
		if begun, left := w.leave(mine, s); left {
			return false, &api.Failure{Endpoint: w.list, Sent: begun, Err: ctx.Err()}
		}
		<-s.told // at this very moment
	}
	return s.complete, s.err
}

// join has a seeker take part in the next walk, which begins at once if none is under way.
func (w *searcher[T]) join(ctx context.Context, s *seeker[T]) *walk[T] {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next = &walk[T]{ended: make(chan struct{})}
	}
	mine := w.next
	mine.seekers = append(mine.seekers, s)
	if w.under == nil {
		w.begin(ctx)
	}
	return mine
}

// begin starts the next walk. It is nobody's in particular: it goes on for as long as
// one of its seekers waits.
func (w *searcher[T]) begin(ctx context.Context) {
	w.under, w.next = w.next, nil
	if w.under == nil {
		return
	}
	ctx, w.under.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go w.read(ctx, w.under)
}

// leave takes a seeker out who waits no longer, and reports whether its walk had begun.
// The last to leave a walk waits until it has stopped. Left is false if the seeker has
// been told in the meantime.
func (w *searcher[T]) leave(from *walk[T], s *seeker[T]) (begun, left bool) {
	w.mu.Lock()
	i := slices.Index(from.seekers, s)
	if i < 0 {
		w.mu.Unlock()
		return true, false
	}
	from.seekers = slices.Delete(from.seekers, i, i+1)
	begun = from == w.under
	alone := len(from.seekers) == 0
	if alone && !begun {
		w.next = nil
	}
	w.mu.Unlock()
	if alone && begun {
		from.cancel()
		<-from.ended
	}
	return begun, true
}

// read is a walk.
func (w *searcher[T]) read(ctx context.Context, mine *walk[T]) {
	defer close(mine.ended)
	defer mine.cancel()
	request := api.PageRequest{Max: pageSize}
	seen := times{newestFirst: true}
	for n := 1; ; n++ {
		page, err := w.fetch(ctx, request)
		if err != nil {
			w.tell(ctx, mine, func(s *seeker[T]) bool { s.err = err; return true })
			return
		}
		for _, object := range page.Data {
			seen.add(w.at(object))
		}
		last := page.NextPageToken == ""
		more := w.tell(ctx, mine, func(s *seeker[T]) bool {
			for _, object := range page.Data {
				s.visit(object)
			}
			s.complete = last || !s.all && seen.past(s.oldest)
			return s.complete || n == maxPages
		})
		if !more {
			return
		}
		request.Token = page.NextPageToken
	}
}

// tell has each seeker look, tells those that are done, and reports whether there are
// others. If not, the walk is over and the next one begins.
func (w *searcher[T]) tell(ctx context.Context, mine *walk[T], look func(*seeker[T]) (done bool)) (more bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine.seekers = slices.DeleteFunc(mine.seekers, func(s *seeker[T]) bool {
		done := look(s)
		if done {
			close(s.told)
		}
		return done
	})
	if len(mine.seekers) > 0 {
		return true
	}
	w.begin(ctx)
	return false
}

// times is what the times of creation that were read so far say of the list.
type times struct {
	newestFirst bool
	pairs       int // that were compared
	previous    api.Millis
}

func (o *times) add(created api.Millis) {
	if created == 0 {
		return // it does not say
	}
	if o.previous != 0 {
		o.pairs++
		o.newestFirst = o.newestFirst && created <= o.previous
	}
	o.previous = created
}

// past reports whether everything since then has been read.
func (o *times) past(oldest int64) bool {
	return o.newestFirst && o.pairs > 0 && int64(o.previous) < oldest
}
