package smartpay

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api"
	"github.com/connectorhost/connectorhost/sdk"
)

// A drawer is a list of orders, newest first, one a page, each a second older. Every page
// takes a millisecond; those asked for are counted.
type drawer struct {
	mu     sync.Mutex
	newest int
	pages  int
	broken error
	hangs  bool
}

func (d *drawer) fetch(ctx context.Context, p api.PageRequest) (*api.Page[*api.Order], error) {
	d.mu.Lock()
	n, err := strconv.Atoi(p.Token)
	if err != nil {
		n = d.newest
	}
	d.pages++
	broken, patience := d.broken, time.Millisecond
	if d.hangs {
		patience = time.Hour
	}
	d.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(patience):
	}
	page := &api.Page[*api.Order]{Data: []*api.Order{{Reference: strconv.Itoa(n), CreatedAt: stamp(n)}}}
	if n > 1 {
		page.NextPageToken = strconv.Itoa(n - 1)
	}
	return page, broken
}

func stamp(n int) api.Millis { return api.Millis(at(n).UnixMilli()) }

// at is when the nth order was made.
func at(n int) time.Time { return time.Date(2026, 11, 23, 0, 0, n, 0, time.UTC) }

func (d *drawer) searcher() *searcher[*api.Order] {
	return &searcher[*api.Order]{
		list: api.ListOrders, fetch: d.fetch, at: func(o *api.Order) api.Millis { return o.CreatedAt },
	}
}

// look looks for the nth order, back to when the order since was made.
func look(ctx context.Context, s *searcher[*api.Order], n, since int) (found, complete bool, err error) {
	complete, err = s.seek(ctx, at(since), func(o *api.Order) { found = found || o.Reference == strconv.Itoa(n) })
	return found, complete, err
}

func TestSearchesAtTheSameTimeAreTwoWalks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{newest: 100}
		s := d.searcher()
		var wg sync.WaitGroup
		for n := range 100 {
			wg.Go(func() {
				found, complete, err := look(t.Context(), s, n+1, 1)
				if !found || !complete || err != nil {
					t.Errorf("order %d: found %t, complete %t, %v", n+1, found, complete, err)
				}
			})
		}
		wg.Wait()
		if d.pages != 200 {
			t.Errorf("read %d pages, want 100 for who came first and 100 for all others", d.pages)
		}
	})
}

// What was made after a walk had begun, and before a search did, is found.
func TestSearchSeesWhatWasThereWhenItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{newest: 10}
		s := d.searcher()
		var wg sync.WaitGroup
		wg.Go(func() {
			if found, complete, err := look(t.Context(), s, 11, 1); found || !complete || err != nil {
				t.Errorf("the first: found %t, complete %t, %v", found, complete, err)
			}
		})
		time.Sleep(5 * time.Millisecond) // of the bubble: five pages
		d.mu.Lock()
		d.newest = 11
		d.mu.Unlock()
		if found, complete, err := look(t.Context(), s, 11, 1); !found || !complete || err != nil {
			t.Errorf("the second: found %t, complete %t, %v", found, complete, err)
		}
		wg.Wait()
	})
}

func TestSearchIsToldOnceItIsPastItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{newest: 50}
		s := d.searcher()
		var wg sync.WaitGroup
		for range 2 { // the second time both are in one walk
			for _, search := range []struct{ since, pages int }{{1, 50}, {48, 4}} {
				wg.Go(func() {
					begun := time.Now()
					if _, complete, err := look(t.Context(), s, 0, search.since); !complete || err != nil {
						t.Errorf("since %d: complete %t, %v", search.since, complete, err)
					}
					if pages := int(time.Since(begun) / time.Millisecond); pages > 50+search.pages {
						t.Errorf("since %d: told after %d pages", search.since, pages)
					}
				})
			}
			synctest.Wait()
		}
		wg.Wait()
	})
}

func TestSearchThatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{newest: 100}
		s := d.searcher()
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, _, err := look(short, s, 1, 1)
		if f, ok := errors.AsType[*api.Failure](err); !ok || codeOf(f) != sdk.CodeReadTimeout {
			t.Errorf("%v, want %s", err, sdk.CodeReadTimeout)
		}
		time.Sleep(time.Minute)
		if d.pages > 12 {
			t.Errorf("read %d pages for nobody", d.pages)
		}
		// One that leaves takes nothing from the others, before the walk and in it.
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if found, complete, err := look(t.Context(), s, 1, 1); !found || !complete || err != nil {
					t.Errorf("who stayed: found %t, complete %t, %v", found, complete, err)
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 130*time.Millisecond)
			wg.Go(func() {
				defer cancel()
				left := false
				_, err := s.seek(ctx, at(1), func(*api.Order) {
					if left {
						t.Error("it was visited after it had left")
					}
				})
				left = true
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		wg.Wait()
	})
}

// Who waits for a walk that is not theirs has sent nothing.
func TestSearchGivenUpBeforeItsWalk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := (&drawer{newest: 100}).searcher()
		var wg sync.WaitGroup
		wg.Go(func() { _, _, _ = look(t.Context(), s, 1, 1) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		_, _, err := look(ctx, s, 1, 1)
		if f, ok := errors.AsType[*api.Failure](err); !ok || codeOf(f) != sdk.CodeExpiredInQueue {
			t.Errorf("%v, want %s", err, sdk.CodeExpiredInQueue)
		}
		wg.Wait()
		if found, complete, err := look(t.Context(), s, 100, 1); !found || !complete || err != nil {
			t.Errorf("afterwards: found %t, complete %t, %v", found, complete, err)
		}
	})
}

// A request that hangs is cut off once nobody waits for it, and holds up nobody else.
func TestSearchOfAServerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &drawer{newest: 5, hangs: true}
		s := d.searcher()
		var wg sync.WaitGroup
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, _, err := look(ctx, s, 1, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		synctest.Wait()
		d.hangs = false
		begun := time.Now()
		if found, complete, err := look(t.Context(), s, 1, 1); !found || !complete || err != nil {
			t.Errorf("the next: found %t, complete %t, %v", found, complete, err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("the next was held up for %s", took)
		}
		wg.Wait()
	})
}

func TestBrokenPageIsToldToAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := &api.Failure{Endpoint: api.ListOrders, Sent: true, HTTP: 500}
		d := &drawer{newest: 5, broken: broken}
		s := d.searcher()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if _, complete, err := look(t.Context(), s, 1, 1); complete || !errors.Is(err, broken) {
					t.Errorf("complete %t, %v", complete, err)
				}
			})
		}
		wg.Wait()
		d.broken = nil
		if found, complete, err := look(t.Context(), s, 1, 1); !found || !complete || err != nil {
			t.Errorf("once it is mended: found %t, complete %t, %v", found, complete, err)
		}
	})
}

// Accounts are not read together, and nothing is kept of one that nobody reads.
func TestReadersShareOnlyTheirAccount(t *testing.T) {
	c := New(Options{})
	other := account("http://127.0.0.1:1")
	other.Secrets = map[string]sdk.Secret{fieldSecretKey: sdk.NewSecret(testKey + "x")}
	elsewhere := account("http://127.0.0.1:2")
	var open []reader
	var ends []func()
	for _, a := range []sdk.Account{account("http://127.0.0.1:1"), account("http://127.0.0.1:1"), other, elsewhere} {
		r, done, err := c.reader("test", sdk.Call{Account: a})
		if err != nil {
			t.Fatal(err)
		}
		open, ends = append(open, r), append(ends, done)
	}
	if open[0].lists != open[1].lists || open[0].lists == open[2].lists || open[0].lists == open[3].lists {
		t.Error("lists are shared by key and address, and by nothing less")
	}
	for _, done := range ends {
		done()
	}
	if len(c.shelves) != 0 {
		t.Errorf("%d accounts are remembered", len(c.shelves))
	}
}
