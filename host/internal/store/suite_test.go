package store

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/sdk"
)

// An opener opens an empty store that goes by the given clock, and closes it when the
// test ends.
type opener func(t testing.TB, now func() time.Time) *Store

// suite is what every store must do, whatever database it works on.
var suite = map[string]func(t *testing.T, open opener){
	"every field of a payment is kept":                keepsEveryFieldOfPayments,
	"every field of anything else is kept":            keepsEveryFieldOfTheRest,
	"a payment is read back as it was written":        readsBackWhatWasWritten,
	"a change is read back as it was made":            readsBackChanges,
	"a payment is found by each of its names":         findsByEveryName,
	"a name that two payments claim finds neither":    refusesAmbiguousNames,
	"a payment is created once":                       createsOnce,
	"a change that fails changes nothing":             failedChangeChangesNothing,
	"a change cannot alter what was fixed":            refusesToAlterWhatWasFixed,
	"any text is kept, and found by what it is":       keepsAnyText,
	"what a pointer leads to can be changed too":      keepsChangesThroughPointers,
	"a panicking change leaves the payment usable":    survivesPanics,
	"a change whose caller has gone is not made":      refusesGoneCallers,
	"changes to one payment are made one by one":      serialisesChanges,
	"changes to many payments do not mix":             keepsPaymentsApart,
	"what leaves all as it was is not made":           leavesWhatIsTheSame,
	"a record never goes back in time":                neverGoesBackInTime,
	"an idempotency key is used once":                 usesKeysOnce,
	"an idempotency key is forgotten after a day":     forgetsKeys,
	"of parallel uses of one key, one wins":           letsOneUseWin,
	"the first answer to a key stays":                 keepsFirstAnswer,
	"events come newest first, page by page":          pagesEvents,
	"payments in doubt are listed until they are not": listsUnsettled,
	"overdue approvals are listed":                    listsOverdueApprovals,
	"lists select what the filter says":               listsWhatFilterSelects,
	"each filter finds what it should":                listsByEachFilter,
	"paging neither skips nor repeats":                pagingIsComplete,
	"cursors cannot be made up or carried over":       refusesForeignCursors,
	"payment services are kept whole":                 keepsServices,
	"a service's revision counts its changes":         countsRevisions,
	"payment services are listed in order":            listsServices,
	"api keys are kept whole":                         keepsKeys,
	"webhook subscriptions are kept whole":            keepsSubscriptions,
	"what is announced is kept with its change":       keepsAnnouncements,
	"only who listens is told":                        tellsWhoListens,
	"a delivery is tried until it is over":            triesDeliveries,
	"old deliveries are deleted":                      expiresDeliveries,
	"the journal tells each connector's story":        keepsJournal,
	"small facts are kept":                            keepsFacts,
	"what does not follow from a ledger is found":     findsWhatDoesNotFollow,
	"an export holds everything but secrets":          exportsEverything,
	"hosts are kept until they are forgotten":         keepsHosts,
	"of parallel decisions, one wins":                 letsOneDecisionWin,
	"releases are kept whole":                         keepsReleases,
	"a release that is to serve is not removed":       removesReleases,
	"a small fact is replaced by who knows it":        replacesFacts,
	"jobs are there if their change is":               jobsFollowTheirChange,
	"changes that are undone take their jobs along":   undoneChangesTakeTheirJobs,
	"a job before a refusal goes with it":             jobsBeforeARefusalGoWithIt,
	"a queue that fails undoes the changes":           failingQueuesUndoChanges,
	"jobs that no queue could take are refused":       refusesJobsThatAreNone,
	"payments in doubt are listed page by page":       listsUnsettledPageByPage,
	"a closed store takes no more work":               closes,
}

func TestSQLiteStore(t *testing.T) {
	for rule, check := range suite {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			check(t, openTestSQLite)
		})
	}
}

func TestPostgresStore(t *testing.T) {
	for rule, check := range suite {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			check(t, openTestPostgres)
		})
	}
}

func openTestPostgres(t testing.TB, now func() time.Time) *Store {
	t.Helper()
	return openPostgresAt(t, pgtest.Database(t), testKey(t), now)
}

func testKey(t testing.TB) MasterKey {
	t.Helper()
	key, err := LoadOrCreateMasterKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// openPostgresAt opens the PostgreSQL store at a URL, which others may use too.
func openPostgresAt(t testing.TB, url string, key MasterKey, now func() time.Time) *Store {
	t.Helper()
	s, err := OpenPostgres(t.Context(), url, key, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func openTestSQLite(t testing.TB, now func() time.Time) *Store {
	t.Helper()
	return openAt(t, t.TempDir(), now)
}

// openAt opens the SQLite store in a folder, which may have been used before.
func openAt(t testing.TB, dir string, now func() time.Time) *Store {
	t.Helper()
	key, err := LoadOrCreateMasterKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenSQLite(t.Context(), filepath.Join(dir, "host.db"), key, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStore(t, s) })
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}

// A clock shows the time that a test sets.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 14, 15, 9, 26, 535897932, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return c.t
}

var testNumber atomic.Int64

// newPayment is a payment with names of its own whose intent has been written.
func newPayment() *Record {
	n := testNumber.Add(1)
	rec := &Record{
		MerchantAccount: "default", Service: "service-1", Connector: "smartpay", Method: "smartpay", Country: "JP",
		Request: []byte(`{"amount":1000}`), ReturnURL: "https://shop.example/back?a=b%20c",
	}
	rec.Payment = ledger.Payment{
		ID:        sdk.PaymentID(fmt.Sprintf("00000000-0000-7000-8000-%012d", n)),
		Reference: sdk.Reference(fmt.Sprintf("Ref%d", n)), Amount: sdk.JPY(1000), Intent: sdk.CaptureManual,
	}
	rec.Operations = []ledger.Operation{{
		ID: sdk.OperationID(fmt.Sprintf("op-%d-authorize", n)), Kind: sdk.OpAuthorize, Amount: sdk.JPY(1000),
		Key: sdk.IdempotencyKey(fmt.Sprintf("key-%d", n)), Attempt: 1,
	}}
	return rec
}

func create(t testing.TB, s *Store, rec *Record) *Record {
	t.Helper()
	if err := s.Create(t.Context(), rec, nil); err != nil {
		t.Fatal(err)
	}
	return rec
}

func update(t testing.TB, s *Store, id sdk.PaymentID, change func(*Record)) Record {
	t.Helper()
	rec, err := s.Update(t.Context(), id, nil, func(r *Record) error { change(r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func read(t testing.TB, s *Store, id sdk.PaymentID) Record {
	t.Helper()
	rec, err := s.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// same reports how got differs from want.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Comparer(sdk.Secret.Equal), sameTime); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// sameTime compares with ==, so that a zone or a monotonic reading that crept in shows.
var sameTime = cmp.Comparer(func(a, b time.Time) bool { return a == b }) //nolint:staticcheck // see above

// sameOrNone is same with nil and empty lists alike.
func sameOrNone(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), sameTime); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
