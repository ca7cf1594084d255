//go:build !race

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// patient is for what must happen, and takes as long as the machine takes.
const patient = time.Minute

// Several are hosts, each a process of its own, on one PostgreSQL, with one
// stand-in provider.
type several struct {
	t       *testing.T
	dir     string
	box     *sandbox
	hosts   []*member
	cluster *cluster
}

// startSeveral starts so many hosts. Nothing is installed on them.
func startSeveral(t *testing.T, hosts int) *several {
	t.Helper()
	return startOn(t, pgtest.Database(t), hosts)
}

// startOn starts hosts on the database at url.
func startOn(t *testing.T, url string, hosts int) *several {
	t.Helper()
	dir := t.TempDir()
	box, err := startSandbox(t.Context(), filepath.Join(programs, "smartpay-sandbox"), "127.0.0.1:0", dir, io.Discard)
	must(t, err)
	t.Cleanup(func() {
		if err := box.stop(); err != nil {
			t.Error(err)
		}
	})
	must(t, writePrivate(filepath.Join(dir, "store.url"), []byte(url+"\n")))
	w := &world{ctx: context.Background(), executable: filepath.Join(programs, "connectord"), stdout: io.Discard, stderr: io.Discard}
	k := &cluster{
		cmd: &clusterCmd{DataDir: dir, CallTimeout: 3 * time.Second, LogLevel: "info", Plugin: filepath.Join(programs, "plugin-smartpay")},
		w:   w, ctx: w.ctx, box: box, proxy: newProxy(),
	}
	f := &several{t: t, dir: dir, box: box, cluster: k}
	for i := range hosts {
		k.hosts = append(k.hosts, &member{cluster: k, name: fmt.Sprintf("host-%d", i+1)})
	}
	f.hosts = k.hosts
	t.Cleanup(func() {
		for _, m := range f.hosts {
			if err := m.stop(); err != nil {
				t.Errorf("stopping %s: %v", m.name, err)
			}
			if t.Failed() {
				t.Logf("%s: %v", m.name, m.lastLog())
			}
		}
	})
	must(t, k.each(f.hosts, (*member).start)) // at once: one of them prepares the database
	return f
}

// trading starts hosts that are ready to take payments.
func trading(t *testing.T, hosts int) *several {
	t.Helper()
	return startSeveral(t, hosts).trade()
}

// trade makes hosts ready to take payments.
func (f *several) trade() *several {
	f.t.Helper()
	f.cluster.url = f.hosts[0].ready.APIURL
	must(f.t, f.cluster.install())
	must(f.t, f.cluster.seed())
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// at is a merchant who calls one of the hosts.
func (f *several) at(host int) *merchant {
	return &merchant{url: f.hosts[host].ready.APIURL, token: f.cluster.merchant.token}
}

// operate asks the operators' API of one of the hosts.
func (f *several) operate(host int, method, path string, body, answer any) error {
	f.t.Helper()
	raw, err := f.hosts[host].operator().send(f.t.Context(), method, path, body)
	if err == nil && answer != nil {
		err = json.Unmarshal(raw, answer)
	}
	return err
}

// release makes another release of the connector: the same program with more at its end.
func (f *several) release(edition string) string {
	f.t.Helper()
	raw, err := os.ReadFile(filepath.Join(programs, "plugin-smartpay"))
	must(f.t, err)
	file := filepath.Join(f.t.TempDir(), "plugin-smartpay")
	must(f.t, os.WriteFile(file, append(raw, edition...), 0o700)) //nolint:gosec // a program
	return file
}

// install sends a program to one of the hosts and returns its digest.
func (f *several) install(host int, file string) string {
	f.t.Helper()
	program, err := os.Open(file)
	must(f.t, err)
	defer program.Close()
	raw, err := f.hosts[host].operator().ask(f.t.Context(), http.MethodPost, "/v1/releases", program)
	must(f.t, err)
	var release struct{ Digest string }
	must(f.t, json.Unmarshal(raw, &release))
	return release.Digest
}

// serve waits until the hosts serve the release.
func (f *several) serve(digest string, hosts ...int) {
	f.t.Helper()
	for _, i := range hosts {
		must(f.t, f.hosts[i].awaitServing(f.t.Context(), smartpay, digest))
	}
}

// authorized makes a payment on one of the hosts, and approves it.
func (f *several) authorized(host int) (id string) {
	f.t.Helper()
	var made struct {
		ID            string `json:"id"`
		PaymentMethod struct {
			ApprovalURL string `json:"approval_url"`
		} `json:"payment_method"`
	}
	must(f.t, f.at(host).call(f.t.Context(), http.MethodPost, "/transactions", examplePayment(shop), &made))
	must(f.t, approve(f.t.Context(), made.PaymentMethod.ApprovalURL))
	f.is(host, made.ID, func(p paymentState) bool { return p.Authorized == 2500 })
	return made.ID
}

// is waits until one of the hosts says that a payment is as it should be.
func (f *several) is(host int, id string, want func(paymentState) bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patient)
	defer cancel()
	k := &cluster{merchant: f.at(host)}
	must(f.t, k.await(ctx, "/transactions/"+id, want))
}

// moved is what the provider has captured and refunded, over all payments.
func (f *several) moved() (captured, refunded int64) {
	f.t.Helper()
	var ledger struct {
		ByReference map[string]struct{ Captured, Refunded int64 } `json:"by_reference"`
	}
	must(f.t, (&merchant{url: f.box.URL}).call(f.t.Context(), http.MethodGet, "/_sandbox/ledger", nil, &ledger))
	for _, tally := range ledger.ByReference {
		captured += tally.Captured
		refunded += tally.Refunded
	}
	return captured, refunded
}

// storm sends the same request many times at once, by turns to every host, each with the
// header, and returns how often there was each status, and the ids in the answers.
func (f *several) storm(times int, path string, body any, header http.Header) (statuses map[int]int, ids []string) {
	f.t.Helper()
	statuses = map[int]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range times {
		all.Go(func() {
			status, raw, err := f.at(n%len(f.hosts)).do(f.t.Context(), http.MethodPost, path, body, header)
			var answer struct {
				ID string `json:"id"`
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				f.t.Error(err)
			} else if err := json.Unmarshal(raw, &answer); err != nil {
				f.t.Error(err)
			}
			if statuses[status]++; answer.ID != "" && !slices.Contains(ids, answer.ID) {
				ids = append(ids, answer.ID)
			}
		})
	}
	all.Wait()
	return statuses, ids
}

// only fails unless every answer has one of the statuses.
func only(t *testing.T, got map[int]int, want ...int) {
	t.Helper()
	for status := range got {
		if !slices.Contains(want, status) {
			t.Errorf("answers are %v, want none but %v", got, want)
		}
	}
}

// Hosts that share a database are one: what is done on one holds on all.
func TestHostsOnOneDatabase(t *testing.T) {
	f := trading(t, 3)
	for _, story := range []struct {
		name string
		tell func(*testing.T, *several)
	}{
		{"a payment goes from host to host", goesFromHostToHost},
		{"of captures through all hosts one moves money", capturesOnce},
		{"refunds through all hosts give back what there is", refundsWhatThereIs},
		{"one key through all hosts has one effect", keyHasOneEffect},
		{"a key made on one host works on all, until it is revoked", keysAreShared},
		{"a swap on one host reaches all, and fails no payment", swapReachesAll},
		{"a host that cannot follow keeps what it has", keepsWhatItHas},
		{"of two swaps on two hosts one wins", oneSwapWins},
		{"a host that was killed comes back to what is decided", comesBack},
		{"their database is looked into while they work", looksInto},
	} {
		t.Run(story.name, func(t *testing.T) {
			f.t = t
			story.tell(t, f)
		})
	}
	f.t = t
}

func goesFromHostToHost(t *testing.T, f *several) {
	id := f.authorized(0)
	must(t, f.at(1).call(t.Context(), http.MethodPost, "/transactions/"+id+"/capture", fields{"amount": 2500}, nil))
	must(t, f.at(2).call(t.Context(), http.MethodPost, "/transactions/"+id+"/refunds", fields{"amount": 700}, nil))
	for i := range f.hosts {
		f.is(i, id, func(p paymentState) bool { return p.Captured == 2500 && p.Refunded == 700 })
	}
}

// Whoever comes while another capture is under way is told 409; who comes after it, that
// there is nothing left to capture.
func capturesOnce(t *testing.T, f *several) {
	id := f.authorized(0)
	before, _ := f.moved()
	statuses, _ := f.storm(12, "/transactions/"+id+"/capture", fields{"amount": 2500}, nil)
	if statuses[http.StatusOK] != 1 {
		t.Errorf("answers are %v, want one that a capture was made", statuses)
	}
	only(t, statuses, http.StatusOK, http.StatusConflict, http.StatusBadRequest)
	f.is(1, id, func(p paymentState) bool { return p.Captured == 2500 })
	if after, _ := f.moved(); after-before != 2500 {
		t.Errorf("the provider captured %d, want 2500", after-before)
	}
}

func refundsWhatThereIs(t *testing.T, f *several) {
	id := f.authorized(0)
	must(t, f.at(0).call(t.Context(), http.MethodPost, "/transactions/"+id+"/capture", fields{"amount": 2500}, nil))
	_, before := f.moved()
	made := 0
	for range 4 { // the losers of one storm come back in the next
		statuses, _ := f.storm(6, "/transactions/"+id+"/refunds", fields{"amount": 1000}, nil)
		only(t, statuses, http.StatusCreated, http.StatusConflict, http.StatusBadRequest)
		made += statuses[http.StatusCreated]
	}
	f.is(2, id, func(p paymentState) bool { return p.Refunded == 2000 })
	if _, after := f.moved(); made != 2 || after-before != 2000 {
		t.Errorf("%d refunds were made and the provider gave %d back, want 2 and 2000", made, after-before)
	}
}

func keyHasOneEffect(t *testing.T, f *several) {
	key := func() http.Header { return http.Header{"Idempotency-Key": {uuid.NewString()}} }
	statuses, ids := f.storm(12, "/transactions", examplePayment(shop), key())
	only(t, statuses, http.StatusCreated, http.StatusConflict)
	if len(ids) != 1 {
		t.Errorf("payments %v were made, want one", ids)
	}
	id := f.authorized(1)
	before, _ := f.moved()
	capture := key()
	statuses, _ = f.storm(12, "/transactions/"+id+"/capture", fields{"amount": 1000, "final": false}, capture)
	only(t, statuses, http.StatusOK, http.StatusConflict)
	f.is(0, id, func(p paymentState) bool { return p.Captured == 1000 })
	for i := range f.hosts { // afterwards it is answered again
		status, raw, err := f.at(i).do(t.Context(), http.MethodPost, "/transactions/"+id+"/capture", fields{"amount": 1000, "final": false}, capture)
		if err != nil || status != http.StatusOK {
			t.Errorf("host %d answers %d %s, %v, want what was answered first", i, status, raw, err)
		}
	}
	if after, _ := f.moved(); after-before != 1000 {
		t.Errorf("the provider captured %d, want 1000", after-before)
	}
}

func keysAreShared(t *testing.T, f *several) {
	pem, kid, public, err := newKeyPair()
	must(t, err)
	must(t, f.operate(0, http.MethodPost, "/v1/keys", fields{"id": kid, "public_key": public, "display_name": "x", "scopes": []string{"*.read"}}, nil))
	token, err := api.Sign(pem, []string{"*.read"}, time.Hour, time.Now())
	must(t, err)
	someone := &merchant{url: f.hosts[1].ready.APIURL, token: token}
	must(t, someone.call(t.Context(), http.MethodGet, "/transactions", nil, nil))
	must(t, f.operate(0, http.MethodDelete, "/v1/keys/"+segment(kid), nil, nil))
	eventually(t, patient, "the key is refused on the other host", func() error {
		status, _, err := someone.do(t.Context(), http.MethodGet, "/transactions", nil, nil)
		if err == nil && status != http.StatusUnauthorized {
			err = fmt.Errorf("status %d", status)
		}
		return err
	})
}

// paying takes payments on every host until it is told to stop, and returns what failed.
func (f *several) paying() (stop func() (taken int64, failed []error)) {
	ctx, cancel := context.WithCancel(f.t.Context())
	var (
		taken  atomic.Int64
		mu     sync.Mutex
		failed []error
		work   sync.WaitGroup
	)
	for i := range 2 * len(f.hosts) {
		work.Go(func() {
			for ctx.Err() == nil {
				// What has begun is brought to its end: nothing is cut by the test itself.
				err := f.at(i%len(f.hosts)).call(context.WithoutCancel(ctx), http.MethodPost, "/transactions", examplePayment(shop), nil)
				if taken.Add(1); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	return func() (int64, []error) {
		cancel()
		work.Wait()
		return taken.Load(), failed
	}
}

// serving is the digest of what a host serves.
func (f *several) serving(host int) string {
	f.t.Helper()
	var is struct{ Digest string }
	must(f.t, f.operate(host, http.MethodGet, "/v1/connectors/"+smartpay, nil, &is))
	return is.Digest
}

func swapReachesAll(t *testing.T, f *several) {
	first := f.serving(0)
	stop := f.paying()
	second := f.install(1, f.release("second"))
	must(t, f.operate(1, http.MethodPost, "/v1/connectors/smartpay/swap", fields{"release": second}, nil))
	f.serve(second, 0, 1, 2)
	must(t, f.operate(2, http.MethodPost, "/v1/connectors/smartpay/rollback", nil, nil))
	f.serve(first, 0, 1, 2)
	taken, failed := stop()
	if len(failed) > 0 || taken < 10 {
		t.Errorf("%d of %d payments failed, want many and none: %v", len(failed), taken, errors.Join(failed...))
	}
	t.Logf("%d payments while two releases were exchanged on three hosts", taken)
	var history struct {
		Items []struct {
			Host     string
			Revision int64
		}
	}
	must(t, f.operate(0, http.MethodGet, "/v1/connectors/smartpay/history", nil, &history))
	hosts, decided := map[string]bool{}, 0
	for _, step := range history.Items {
		if hosts[step.Host] = true; step.Revision > 0 {
			decided++
		}
	}
	if len(hosts) != 3 || decided != 3 {
		t.Errorf("the history has steps of %d hosts, %d of which decided for all, want 3 and 3", len(hosts), decided)
	}
}

func keepsWhatItHas(t *testing.T, f *several) {
	first := f.serving(0)
	bad := f.install(0, f.release("damaged on one host"))
	file := filepath.Join(f.hosts[1].ready.DataDir, "releases", bad, "connector")
	eventually(t, patient, "the other host has fetched the release", func() error { _, err := os.Stat(file); return err })
	must(t, os.Chmod(file, 0o700))                               //nolint:gosec // a program
	must(t, os.WriteFile(file, []byte("something else"), 0o700)) //nolint:gosec // as above
	must(t, f.operate(0, http.MethodPost, "/v1/connectors/smartpay/swap", fields{"release": bad}, nil))
	f.serve(bad, 0, 2)
	type item struct {
		Self       bool
		Connectors []struct{ Digest, Behind, State string }
	}
	eventually(t, patient, "the host says that it is behind", func() error {
		var hosts struct{ Items []item }
		if err := f.operate(1, http.MethodGet, "/v1/hosts", nil, &hosts); err != nil {
			return err
		}
		for _, h := range hosts.Items {
			for _, c := range h.Connectors {
				if h.Self && c.Digest == first && c.State == "serving" && strings.Contains(c.Behind, "not what was installed") {
					return nil
				}
			}
		}
		return fmt.Errorf("hosts are %+v", hosts)
	})
	id := f.authorized(1)
	f.is(0, id, func(p paymentState) bool { return p.Authorized == 2500 })
	must(t, f.operate(0, http.MethodPost, "/v1/connectors/smartpay/rollback", nil, nil))
	f.serve(first, 0, 1, 2)
}

func oneSwapWins(t *testing.T, f *several) {
	digests := []string{f.install(0, f.release("third")), f.install(1, f.release("fourth"))}
	won := ""
	for range 5 { // until they meet
		failed := make([]error, len(digests))
		var both sync.WaitGroup
		for i, digest := range digests {
			both.Go(func() {
				failed[i] = f.operate(i, http.MethodPost, "/v1/connectors/smartpay/swap", fields{"release": digest}, nil)
			})
		}
		both.Wait()
		for i, err := range failed {
			if err == nil {
				won = digests[i]
			} else if !strings.Contains(err.Error(), "another host was told") {
				t.Fatal(err)
			}
		}
		if failed[0] != nil && failed[1] != nil {
			t.Fatal("neither swap was carried out")
		}
		if failed[0] != nil || failed[1] != nil {
			f.serve(won, 0, 1, 2)
			return
		}
		// One came after the other; which of them was the last, all hosts will agree.
		eventually(t, patient, "all hosts serve the same", func() error {
			if a, b, c := f.serving(0), f.serving(1), f.serving(2); a != b || b != c {
				return fmt.Errorf("%.12s, %.12s, %.12s", a, b, c)
			}
			return nil
		})
	}
	t.Error("two swaps at once were both carried out, five times")
}

func comesBack(t *testing.T, f *several) {
	id := f.authorized(2)
	must(t, f.hosts[2].kill())
	second := f.install(0, f.release("while one was dead"))
	must(t, f.operate(0, http.MethodPost, "/v1/connectors/smartpay/swap", fields{"release": second}, nil))
	f.serve(second, 0, 1)
	must(t, f.at(1).call(t.Context(), http.MethodPost, "/transactions/"+id+"/capture", fields{"amount": 2500}, nil))
	must(t, f.hosts[2].start())
	f.serve(second, 2)
	must(t, f.at(2).call(t.Context(), http.MethodPost, "/transactions/"+id+"/refunds", fields{"amount": 2500}, nil))
	f.is(0, id, func(p paymentState) bool { return p.Refunded == 2500 })

	// What is removed on one host is gone on all, once they are done with it.
	third := f.install(1, f.release("never used"))
	gone := func(host int) error {
		var all struct{ Items []struct{ Digest string } }
		if err := f.operate(host, http.MethodGet, "/v1/releases", nil, &all); err != nil {
			return err
		}
		for _, r := range all.Items {
			if r.Digest == third {
				return errors.New("it is there")
			}
		}
		return nil
	}
	eventually(t, patient, "the other host has the release", func() error {
		if gone(2) == nil {
			return errors.New("it is not there")
		}
		return nil
	})
	must(t, f.operate(1, http.MethodDelete, "/v1/releases/"+third, nil, nil))
	eventually(t, patient, "the other hosts have removed the release", func() error { return errors.Join(gone(0), gone(2)) })
	if err := f.operate(1, http.MethodDelete, "/v1/releases/"+second, nil, nil); err == nil {
		t.Error("what serves was removed")
	}
}

func looksInto(t *testing.T, f *several) {
	id := f.authorized(0)
	db := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs, "connectord"), append([]string{"db"}, args...)...)
		cmd.Env = append(os.Environ(), "CONNECTORD_STORE_FILE="+filepath.Join(f.dir, "store.url"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("db %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for command, want := range map[string]string{
		"check": "payments checked, 0 differences", "migrate": "nothing to do", "export": `"payment":{"id":"` + id + `"`,
	} {
		if got := db(command); !strings.Contains(got, want) {
			t.Errorf("db %s says %.300s, want %q in it", command, got, want)
		}
	}
}

// A cluster takes payments while one of its hosts is killed and comes back, and leaves
// nothing behind.
func TestClusterTakesPayments(t *testing.T) {
	pgtest.Database(t) // skips where there is no PostgreSQL
	var out journal
	cmd := exec.Command(filepath.Join(programs, "connectord"), "cluster", "--hosts", "2", "--payments", "18",
		"--listen", "127.0.0.1:0", "--call-timeout", "3s")
	cmd.Stdout, cmd.Stderr = &out, &out
	temporary := t.TempDir()
	must(t, os.Chmod(filepath.Dir(temporary), 0o711)) //nolint:gosec // for the user who runs PostgreSQL
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if text := out.String(); !strings.Contains(text, "payments 18 hosts 2 settled 18 failed 0") || !strings.Contains(text, "host-2 was killed") {
		t.Errorf("it said\n%s", text)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("it left %v behind, %v", left, err)
	}
}

// A host that cannot share says why, and never with what the password was.
func TestHostsThatCannotShare(t *testing.T) {
	url := pgtest.Database(t)
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), mode))
		return path
	}
	serve := func(flags ...string) string {
		t.Helper()
		args := append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", filepath.Join(dir, uuid.NewString())}, flags...)
		ctx, cancel := context.WithTimeout(t.Context(), patient)
		defer cancel()
		said, err := exec.CommandContext(ctx, filepath.Join(programs, "connectord"), args...).CombinedOutput()
		if err == nil || ctx.Err() != nil {
			t.Errorf("serve %v ended with %v, want an error of its own", flags, err)
		}
		if strings.Contains(string(said), "hunter2") {
			t.Errorf("it tells the password: %s", said)
		}
		return string(said)
	}
	theirs, err := store.OpenPostgres(t.Context(), url, masterKey(t, filepath.Join(dir, "theirs")), time.Now)
	must(t, err)
	must(t, theirs.Close(t.Context()))
	for name, tt := range map[string]struct {
		flags []string
		says  string
	}{
		"another key":        {[]string{"--store", url}, "sealed with master key"},
		"nobody there":       {[]string{"--store", "postgres://me:hunter2@127.0.0.1:1/payments"}, "opening the database"},
		"no such URL":        {[]string{"--store", "mysql://me:hunter2@db/payments"}, "postgres://user@host"},
		"half a URL":         {[]string{"--store", "postgres://me:hunter2@db:x/%zz"}, "opening the database"},
		"a file for all":     {[]string{"--store-file", file("open", url, 0o644)}, "mode must be such as 0600"},
		"an empty file":      {[]string{"--store-file", file("empty", "", 0o600)}, "is empty"},
		"a file not there":   {[]string{"--store-file", filepath.Join(dir, "none")}, "no such file"},
		"two ways to say it": {[]string{"--store", url, "--store-file", file("two", url, 0o600)}, "store"},
	} {
		if said := serve(tt.flags...); !strings.Contains(said, tt.says) {
			t.Errorf("%s: it said %s\nwant %q", name, said, tt.says)
		}
	}
}

func masterKey(t *testing.T, path string) store.MasterKey {
	t.Helper()
	key, err := store.LoadOrCreateMasterKey(path)
	must(t, err)
	return key
}
