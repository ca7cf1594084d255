package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/sdk"
)

// onPostgres does something to a database behind the store's back.
func onPostgres(t testing.TB, url string, queries ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range queries {
		if _, err := c.Exec(ctx, query); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

func with(url, parameters string) string { return url + "&" + parameters }

func TestOpenPostgresRefuses(t *testing.T) {
	key := testKey(t)
	tests := map[string]struct {
		prepare func(t *testing.T, url string) string // returns the URL to open
		want    string
		is      error
	}{
		"a database of a newer version": {
			func(t *testing.T, url string) string {
				closeStore(t, openPostgresAt(t, url, key, time.Now))
				onPostgres(t, url, `INSERT INTO migrations (version, name) VALUES (99, 'future')`)
				return url
			},
			"schema version 99 and this program knows", nil,
		},
		"a database of something else": {
			func(t *testing.T, url string) string {
				onPostgres(t, url, `CREATE TABLE cookies (n int)`)
				return url
			},
			"a database of something else", nil,
		},
		"a database of something else that keeps its own migrations": {
			func(t *testing.T, url string) string {
				onPostgres(t, url, `CREATE TABLE migrations (version int)`)
				return url
			},
			"a database of something else", nil,
		},
		"a database that was sealed with another key": {
			func(t *testing.T, url string) string {
				closeStore(t, openPostgresAt(t, url, testKey(t), time.Now))
				return url
			},
			"sealed with master key", nil,
		},
		"a schema that does not exist": {
			func(_ *testing.T, url string) string { return with(url, "search_path=nowhere") },
			"create the one that search_path names", nil,
		},
		"a database that does not exist": {
			func(_ *testing.T, url string) string { return strings.Replace(url, "/test", "/other", 1) },
			"does not exist", ErrUnavailable,
		},
		"a server that is not there": {
			func(*testing.T, string) string { return "postgres://user:hunter2@127.0.0.1:1/x" },
			"127.0.0.1:1", ErrUnavailable,
		},
		"a server whose name is not known": {
			func(*testing.T, string) string { return "postgres://user:hunter2@nowhere.invalid/x?password=hunter2" },
			"nowhere.invalid", ErrUnavailable,
		},
		"a malformed URL": {
			func(*testing.T, string) string { return "postgres://user:hunter2 @%zz:hunter2/x?hunter2" },
			"malformed URL", nil,
		},
		"a malformed parameter": {
			func(*testing.T, string) string { return "postgres://user:hunter2@host/x?pool_max_conns=hunter2" },
			"malformed URL", nil,
		},
		"something else than a URL": {
			func(*testing.T, string) string { return "user=x password=hunter2" },
			"not the URL of a PostgreSQL database", nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := OpenPostgres(t.Context(), tt.prepare(t, pgtest.Database(t)), key, time.Now)
			if err == nil {
				closeStore(t, s)
				t.Fatal("was opened")
			}
			if !strings.Contains(err.Error(), tt.want) || (tt.is != nil && !errors.Is(err, tt.is)) {
				t.Errorf("error = %v, want one that says %q and is %v", err, tt.want, tt.is)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "hunter2") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
	if _, err := OpenPostgres(t.Context(), pgtest.Database(t), MasterKey{}, time.Now); err == nil {
		t.Error("was opened without a key")
	}
}

func TestPostgresSchemasAreApart(t *testing.T) {
	url := pgtest.Database(t)
	onPostgres(t, url, `CREATE SCHEMA a`, `CREATE SCHEMA b`, `CREATE TABLE public.cookies (n int)`)
	a := openPostgresAt(t, with(url, "search_path=a"), testKey(t), time.Now)
	b := openPostgresAt(t, with(url, "search_path=b"), testKey(t), time.Now)
	rec := create(t, a, newPayment())
	if _, err := b.Payment(t.Context(), rec.Payment.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("error = %v, want ErrNotFound", err)
	}
}

func TestPostgresCommitsWaitForTheDisk(t *testing.T) {
	url := with(pgtest.Database(t), "synchronous_commit=off")
	s := openPostgresAt(t, url, testKey(t), time.Now)
	err := s.db.read(t.Context(), func(q reader) error {
		for setting, want := range map[string]string{
			"synchronous_commit": "on", "fsync": "on", "transaction_isolation": "repeatable read",
			"transaction_read_only": "on", "statement_timeout": "12s", "idle_in_transaction_session_timeout": "8s",
		} {
			var got string
			rows, err := q.query(t.Context(), `SELECT current_setting(?)`, setting)
			if err := one(rows, err, func(r row) error { return r.Scan(&got) }); err != nil || got != want {
				t.Errorf("%s = %s, %v, want %s", setting, got, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPostgresReadsSeeOneMoment(t *testing.T) {
	url := pgtest.Database(t)
	s := openPostgresAt(t, url, testKey(t), time.Now)
	rec := create(t, s, newPayment())
	err := s.db.read(t.Context(), func(q reader) error {
		var before, after stored
		if err := askAll(t.Context(), q, load(&before, wherePaymentID, string(rec.Payment.ID))); err != nil {
			return err
		}
		update(t, s, rec.Payment.ID, func(r *Record) { r.ExternalID = "later" })
		err := askAll(t.Context(), q, load(&after, wherePaymentID, string(rec.Payment.ID)))
		same(t, "the payment, read again", after.Record, before.Record)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Questions are on their way together; the first of these waits for a lock, and while it
// does the payment changes.
func TestPostgresAnswersAreOfOneMoment(t *testing.T) {
	url := pgtest.Database(t)
	s := openPostgresAt(t, url, testKey(t), time.Now)
	rec := create(t, s, newPayment())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	lock, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close(context.Background()) }()
	if _, err := lock.Exec(ctx, `SELECT pg_advisory_lock(7)`); err != nil {
		t.Fatal(err)
	}
	var was stored
	var wait sync.WaitGroup
	wait.Go(func() {
		questions := append([]question{{query: `SELECT 1 FROM pg_advisory_lock(7)`, scan: func(row) error { return nil }}},
			load(&was, wherePaymentID, string(rec.Payment.ID))...)
		if err := s.db.ask(ctx, questions...); err != nil {
			t.Error(err)
		}
	})
	for waiting := false; !waiting; {
		err := lock.QueryRow(ctx, `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`).Scan(&waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
	update(t, s, rec.Payment.ID, func(r *Record) { r.ExternalID = "later" })
	if _, err := lock.Exec(ctx, `SELECT pg_advisory_unlock(7)`); err != nil {
		t.Fatal(err)
	}
	wait.Wait()
	same(t, "the payment that was asked for before it changed", was.Record, *rec)
}

func TestPostgresMigrationsAreAppliedOnceInOrder(t *testing.T) {
	url := pgtest.Database(t)
	db, err := dialPostgres(t.Context(), url, hostLimits)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.close(context.Background()) }()
	const first = `CREATE TABLE payments (n int); CREATE TABLE meta (n int); CREATE TABLE commits (at bigint);
		CREATE TABLE a (n int); INSERT INTO a VALUES (1);`
	files := fstest.MapFS{"s/0001_first.sql": {Data: []byte(first)}}
	apply := func() error {
		var wait sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			wait.Go(func() { _, _, errs[i] = migratePostgres(t.Context(), db, files) })
		}
		wait.Wait()
		return errors.Join(errs...)
	}
	for range 2 {
		if err := apply(); err != nil {
			t.Fatal(err)
		}
	}
	files["s/0002_broken.sql"] = &fstest.MapFile{Data: []byte(`INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (2);`)}
	if err := apply(); err == nil || !strings.Contains(err.Error(), "0002_broken.sql") {
		t.Errorf("a broken step: error = %v, want one that names it", err)
	}
	files["s/0002_broken.sql"] = &fstest.MapFile{Data: []byte(`INSERT INTO a SELECT count(*) FROM a;`)}
	if err := apply(); err != nil {
		t.Fatal(err)
	}
	var rows string
	if err := db.pool.QueryRow(t.Context(), `SELECT string_agg(n::text, ',') FROM a`).Scan(&rows); err != nil || rows != "1,1" {
		t.Errorf("rows = %q, %v, want what each step left once: 1,1", rows, err)
	}
}

// Hosts of a new cluster start at the same moment, and one has the wrong key.
func TestPostgresIsOpenedByManyAtOnce(t *testing.T) {
	url := pgtest.Database(t)
	keys := []MasterKey{testKey(t), testKey(t)}
	opened := make([]*Store, 8)
	errs := make([]error, len(opened))
	var wait sync.WaitGroup
	for i := range opened {
		wait.Go(func() { opened[i], errs[i] = OpenPostgres(t.Context(), url, keys[i%2], time.Now) })
	}
	wait.Wait()
	wins := [2]int{}
	for i, s := range opened {
		if s != nil {
			wins[i%2]++
			closeStore(t, s)
		} else if !strings.Contains(errs[i].Error(), "sealed with master key") {
			t.Error(errs[i])
		}
	}
	if wins != [2]int{4, 0} && wins != [2]int{0, 4} {
		t.Errorf("%v opened it with the one key and the other, want all of one", wins)
	}
}

func TestPostgresSecretsNeverReachTheDatabase(t *testing.T) {
	url := pgtest.Database(t)
	s := openPostgresAt(t, url, testKey(t), time.Now)
	keepService(t, s, testService("s1"))
	db := s.db.(*postgres)
	var tables []string
	rows, err := db.pool.Query(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	if tables, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, table := range tables {
		var all *string
		if err := db.pool.QueryRow(t.Context(), `SELECT string_agg(x::text, ' ') FROM `+table+` x`).Scan(&all); err != nil {
			t.Fatal(err)
		}
		if all == nil {
			continue
		}
		found = found || strings.Contains(*all, "Smartpay ¥")
		for _, canary := range []string{"canary", fmt.Sprintf("%x", "canary"), "Y2FuYXJ5"} {
			if strings.Contains(strings.ToLower(*all), strings.ToLower(canary)) {
				t.Errorf("table %s holds a secret as %q", table, canary)
			}
		}
	}
	if !found {
		t.Error("the search does not even find what is not secret")
	}
}

func TestMarks(t *testing.T) {
	tests := map[string]string{
		"":                                 "",
		"SELECT 1":                         "SELECT 1",
		"a = ? AND (b IN (?,?))":           "a = $1 AND (b IN ($2,$3))",
		"a = '?' AND b = ? AND c = 'd''?'": "a = '?' AND b = $1 AND c = 'd''?'",
	}
	for query, want := range tests {
		if got := marked(query); got != want {
			t.Errorf("%s became %s, want %s", query, got, want)
		}
	}
}

func TestAnyTextIsEscapedAndBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		part := rapid.OneOf(rapid.SampledFrom([]string{"\x00", "\xff", escape, "00", "\xef\xb7", "\x90"}), rapid.String())
		text := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(rt, "parts"), "")
		args := []any{int64(1), text, nil}
		kept := written(args)[1].(string)
		if got := string(unescaped([]byte(kept))); got != text {
			rt.Errorf("%q was written as %q and came back as %q", text, kept, got)
		}
		if args[1] != text {
			rt.Errorf("the caller's arguments were altered")
		}
		if strings.ToValidUTF8(kept, "") != kept || strings.Contains(kept, "\x00") {
			rt.Errorf("%q was written as %q, which cannot be kept", text, kept)
		}
		if ordinary := strings.ToValidUTF8(strings.NewReplacer("\x00", "", escape, "").Replace(text), ""); written([]any{ordinary})[0] != ordinary {
			if !strings.Contains(ordinary, escape) {
				rt.Errorf("%q was not written as it is", ordinary)
			}
		}
	})
}

func TestPostgresBatchUndoesOnlyWhatFails(t *testing.T) {
	s := openTestPostgres(t, time.Now)
	db := s.db.(*postgres)
	fact := func(name string) statement {
		return statement{query: `INSERT INTO meta (name, value) VALUES (?, 'x')`, args: []any{name}}
	}
	refused := errors.New("refused")
	none := statement{query: `DELETE FROM meta WHERE name = ?`, args: []any{"nobody"}, none: refused}
	batch := []*entry{
		{changes: changes{fact("a"), fact("b")}},
		{changes: changes{fact("c"), fact("a")}}, // a is taken
		{changes: changes{fact("d"), none}},
		{changes: changes{fact("e"), {query: `INSERT INTO meta VALUES (?, NULL)`, args: []any{"f"}}}},
		{changes: changes{none, fact("f")}},
		{changes: changes{fact("f"), {query: `INSERT INTO nowhere VALUES (1)`}}},
		{changes: changes{fact("g")}},
		{},
	}
	db.commit(batch)
	judged(t, s, batch, []bool{false, true, true, true, true, true, false, false}, "a", "b", "g")
	for _, i := range []int{2, 4} {
		if !errors.Is(batch[i].err, refused) {
			t.Errorf("change %d: error = %v, want its own", i, batch[i].err)
		}
	}
	// The same without anything that has to be undone, and alone.
	batch = []*entry{{changes: changes{fact("h"), fact("i")}}, {changes: changes{none, fact("j")}}}
	db.commit(batch)
	if batch[0].err != nil || !errors.Is(batch[1].err, refused) {
		t.Errorf("errors = %v and %v, want none and its own", batch[0].err, batch[1].err)
	}
	for _, alone := range []changes{{none, fact("j")}, {fact("j"), none}, {fact("j"), {query: `SELECT 1/0`}}} {
		e := &entry{changes: alone}
		if db.commit([]*entry{e}); e.err == nil {
			t.Error("a change that fails alone is said to have been made")
		}
	}
	err := s.write(t.Context(), func(c *changes) { c.add(`INSERT INTO meta VALUES (?, ?)`, "j", bad{refused}) })
	if !errors.Is(err, refused) {
		t.Errorf("an argument that could not be made: error = %v, want its own", err)
	}
	if _, err := s.Meta(t.Context(), "j"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a fact of changes that were refused: error = %v, want ErrNotFound", err)
	}
}

func TestPostgresLostTransactionFailsEveryChangeInIt(t *testing.T) {
	s := openTestPostgres(t, time.Now)
	db := s.db.(*postgres)
	const insert = `INSERT INTO meta (name, value) VALUES (?, 'x')`
	var batch []*entry
	for i := range 3 {
		batch = append(batch, &entry{changes: changes{{query: insert, args: []any{fmt.Sprint(i)}}}})
	}
	batch[1].changes = append(batch[1].changes, statement{query: `SELECT pg_terminate_backend(pg_backend_pid())`})
	db.commit(batch)
	for i, e := range batch {
		if !errors.Is(e.err, ErrUnavailable) {
			t.Errorf("change %d: error = %v, want ErrUnavailable", i, e.err)
		}
		if _, err := s.Meta(t.Context(), fmt.Sprint(i)); !errors.Is(err, ErrNotFound) {
			t.Errorf("fact %d: error = %v, want ErrNotFound", i, err)
		}
	}
	if err := s.SetMeta(t.Context(), "after", "x"); err != nil {
		t.Errorf("the next change: %v", err)
	}
}

// Two stores on one database are what two hosts have.
func twoStores(t *testing.T) (string, [2]*Store) {
	t.Helper()
	url, key := pgtest.Database(t), testKey(t)
	return url, [2]*Store{openPostgresAt(t, url, key, time.Now), openPostgresAt(t, url, key, time.Now)}
}

func TestChangeThatAnotherHostForestalledIsPlannedAgain(t *testing.T) {
	_, stores := twoStores(t)
	rec := create(t, stores[0], newPayment())
	runs := 0
	got := update(t, stores[0], rec.Payment.ID, func(r *Record) {
		if runs++; runs <= 3 {
			update(t, stores[1], rec.Payment.ID, func(r *Record) { r.ExternalID += "theirs " })
		}
		r.ExternalID += "mine"
	})
	if runs != 4 || got.ExternalID != "theirs theirs theirs mine" {
		t.Errorf("after %d runs the external id is %q", runs, got.ExternalID)
	}
	same(t, "payment", read(t, stores[1], rec.Payment.ID), got)
	// Once it is refused on the newest record, that is the answer.
	refusal, runs := errors.New("no"), 0
	_, err := stores[0].Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
		if runs++; runs == 2 {
			return refusal
		}
		update(t, stores[1], rec.Payment.ID, func(r *Record) { r.ExternalID = "last" })
		r.ExternalID = "mine"
		return nil
	})
	if err != refusal { //nolint:errorlint // it must come back as it is
		t.Errorf("error = %v, want the change's own", err)
	}
	// Somebody who is always quicker does not keep a host busy for ever.
	_, err = stores[0].Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
		update(t, stores[1], rec.Payment.ID, func(r *Record) { r.ExternalID += "." })
		r.ExternalID = "never"
		return nil
	})
	if !errors.Is(err, ErrBusy) {
		t.Errorf("error = %v, want ErrBusy", err)
	}
}

func TestServicesAreChangedByTwoHosts(t *testing.T) {
	_, stores := twoStores(t)
	keepService(t, stores[0], testService("s1"))
	const each = 12
	var wait sync.WaitGroup
	for n, s := range stores {
		for i := range each {
			wait.Go(func() {
				if _, err := s.UpdateService(t.Context(), "s1", func(p *PaymentService) error {
					p.Config[fmt.Sprintf("%d/%d", n, i)] = "x"
					p.Secrets[fmt.Sprintf("%d/%d", n, i)] = sdk.NewSecret("y")
					return nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	want := testService("s1")
	got, err := stores[1].Service(t.Context(), "s1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Config) != len(want.Config)+2*each || len(got.Secrets) != len(want.Secrets)+2*each || got.Revision != 1+2*each {
		t.Errorf("%d values and %d secrets at revision %d: changes were lost", len(got.Config), len(got.Secrets), got.Revision)
	}
	// New ones, by both at once.
	var created atomic.Int64
	for _, s := range stores {
		for range 4 {
			wait.Go(func() {
				service := &PaymentService{ID: "s2", Config: map[string]string{"n": fmt.Sprint(created.Add(1))}}
				if err := s.SaveService(t.Context(), service); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wait.Wait()
	if got, err := stores[0].Service(t.Context(), "s2"); err != nil || got.Revision != 8 {
		t.Errorf("revision %d after 8 different versions, %v", got.Revision, err)
	}
}

func TestOfHostsThatUseOneKeyOneWins(t *testing.T) {
	_, stores := twoStores(t)
	existing := create(t, stores[0], newPayment())
	for round := range 10 {
		var wins atomic.Int64
		var winners sync.Map
		var wait sync.WaitGroup
		for n := range 16 {
			wait.Go(func() {
				s := stores[n%2]
				idem := &Idempotency{MerchantAccount: "default", Scope: "x", Key: fmt.Sprint(round)}
				rec := newPayment()
				idem.Operation = rec.Operations[0].ID
				var err error
				if n%4 < 2 {
					err = s.Create(t.Context(), rec, idem)
				} else {
					_, err = s.Update(t.Context(), existing.Payment.ID, idem, func(r *Record) error {
						r.Added = []Event{{ID: string(idem.Operation), Name: fmt.Sprint(round)}}
						return nil
					})
				}
				winner := idem.Operation
				used := (*KeyUsedError)(nil)
				switch {
				case err == nil:
					wins.Add(1)
				case errors.As(err, &used):
					winner = used.Earlier.Operation
				default:
					t.Error(err)
				}
				winners.Store(winner, true)
			})
		}
		wait.Wait()
		n := 0
		winners.Range(func(any, any) bool { n++; return true })
		if wins.Load() != 1 || n != 1 {
			t.Errorf("%d uses of a key won, and %d are said to have, want one", wins.Load(), n)
		}
	}
}

// What hosts do to a payment looks as if it had been done by one after the other, each
// at some moment between asking and hearing.
func TestHostsChangeAPaymentAsIfOneByOne(t *testing.T) {
	_, stores := twoStores(t)
	rec := create(t, stores[0], newPayment())
	const clients, each = 8, 12
	var mu sync.Mutex
	var history []porcupine.Operation
	began := time.Now()
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() {
			for i := range each {
				call := time.Since(began).Nanoseconds()
				var got Record
				var err error
				adds := (i+client)%3 > 0
				if adds {
					got, err = stores[client%2].Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
						count, _ := strconv.Atoi(r.Metadata["count"])
						r.Metadata = map[string]string{"count": strconv.Itoa(count + 1)}
						r.Operations = append(r.Operations, ledger.Operation{
							ID: sdk.OperationID(fmt.Sprintf("%d/%d", client, i)), Kind: sdk.OpRefund, Amount: sdk.JPY(1),
						})
						return nil
					})
				} else {
					got, err = stores[client%2].Payment(t.Context(), rec.Payment.ID)
				}
				if err != nil {
					t.Error(err)
					return
				}
				count, _ := strconv.Atoi(got.Metadata["count"])
				if len(got.Operations) != 1+count {
					t.Errorf("a record of %d changes has %d operations", count, len(got.Operations))
				}
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: client, Input: adds, Call: call, Output: count, Return: time.Since(began).Nanoseconds(),
				})
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	counter := porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			count := state.(int)
			if input.(bool) {
				count++
			}
			return output.(int) == count, count
		},
	}
	if porcupine.CheckOperationsTimeout(counter, history, time.Minute) != porcupine.Ok {
		t.Errorf("no order of one by one explains what the hosts heard: %+v", history)
	}
}

// Changes that take the same rows in opposite order are in each other's way.
func TestDeadlockedChangesAreMadeInTheEnd(t *testing.T) {
	_, stores := twoStores(t)
	var wait sync.WaitGroup
	const rounds = 3
	for n, s := range stores {
		wait.Go(func() {
			for range rounds {
				var c changes
				for i := range 2 {
					c.add(`INSERT INTO meta (name, value) VALUES (?, '1')
						ON CONFLICT (name) DO UPDATE SET value = (meta.value::int + 1)::text`, []string{"a", "b"}[(n+i)%2])
					c.add(`SELECT pg_sleep(0.2)`)
				}
				if err := s.db.(*postgres).group.do(t.Context(), c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for _, name := range []string{"a", "b"} {
		if got, err := stores[0].Meta(t.Context(), name); err != nil || got != fmt.Sprint(2*rounds) {
			t.Errorf("%s = %s, %v, want %d", name, got, err, 2*rounds)
		}
	}
}
