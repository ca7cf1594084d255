package chaos

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
)

// stores are the databases that a test is to run on: that of STORE; or both, but in the
// long form, which takes its time, the embedded one.
func stores(t *testing.T) []string {
	t.Helper()
	switch given := os.Getenv("STORE"); {
	case given == "sqlite" || given == "postgres":
		return []string{given}
	case given != "":
		t.Fatalf("STORE is %q, must be sqlite or postgres", given)
	case os.Getenv("CHAOS") != "":
		return []string{"sqlite"}
	}
	return []string{"sqlite", "postgres"}
}

// onEach runs a test on each of the stores.
func onEach(t *testing.T, test func(t *testing.T, store string)) {
	t.Parallel()
	for _, store := range stores(t) {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			test(t, store)
		})
	}
}

// newWorld is newWorldOn with one host, for tests to which it is all the same what the
// host keeps its payments in: that of STORE, or the embedded one.
func newWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	return newWorldOn(t, stores(t)[0], 1, flags...)
}

// newWorldOn starts everything and makes it ready to take payments. With an embedded store
// there is one host, whatever number is given; on PostgreSQL hosts share a server that is
// this test's alone. Flags are the hosts'.
func newWorldOn(t *testing.T, store string, hosts int, flags ...string) *world {
	t.Helper()
	w := emptyWorld(t, flags...)
	if store == "postgres" {
		w.database = pgtest.Server(t)
		w.databaseURL = pgtest.NewDatabase(t, w.database)
		w.shared = []string{
			"--store", w.databaseURL, "--master-key-file", filepath.Join(w.dir, "master.key"), "--public-url", w.front(),
		}
	} else {
		hosts = 1
	}
	for range hosts {
		w.newHost()
	}
	w.begin()
	return w
}

// begin starts the provider and the hosts.
func (w *world) begin() {
	w.t.Helper()
	w.host = w.hosts[0]
	w.startSandbox()
	for _, h := range w.hosts {
		h.startHost()
	}
	w.openShop()
	for _, h := range w.hosts {
		h.plugin()
	}
}

// front is what stands before the hosts: providers and buyers come to it, and it hands
// each request to a host that is alive.
func (w *world) front() string {
	w.t.Helper()
	public := address(w.t)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to, err := url.Parse(w.live().apiURL)
			if err != nil {
				panic(err) // it was made from an address
			}
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(answer http.ResponseWriter, _ *http.Request, _ error) { answer.WriteHeader(http.StatusBadGateway) },
	}
	server := &http.Server{Addr: strings.TrimPrefix(public, "http://"), Handler: proxy, ReadHeaderTimeout: patience}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	w.t.Cleanup(func() {
		_ = server.Close() // whoever is inside is cut off: the test is over
		<-ended
	})
	return public
}

// live is one of the hosts, alive if there is one.
func (w *world) live() *host {
	for _, n := range rand.Perm(len(w.hosts)) {
		if h := w.hosts[n]; h.alive() {
			return h
		}
	}
	return w.hosts[0]
}

// anybody reports whether a host is alive.
func (w *world) anybody() bool { return w.live().alive() }

// databaseTroubles are what can happen to a database server.
func databaseTroubles() []trouble {
	crash := func(w *world, _ *rand.Rand) {
		w.faults++
		if err := w.database.Kill(); err != nil {
			w.t.Fatal(err)
		}
		w.restartDatabase()
	}
	away := func(w *world, random *rand.Rand) {
		w.faults++
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		if err := w.database.Stop(ctx); err != nil {
			w.t.Fatal(err)
		}
		<-time.After(time.Duration(random.IntN(int(2 * time.Second))))
		w.restartDatabase()
	}
	cut := func(w *world, _ *rand.Rand) {
		w.faults++
		ctx, cancel := context.WithTimeout(w.t.Context(), patience)
		defer cancel()
		conn, err := pgx.Connect(ctx, w.databaseURL)
		if err != nil {
			w.t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`); err != nil {
			w.t.Fatal(err)
		}
	}
	return []trouble{crash, away, cut, cut}
}

func (w *world) restartDatabase() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.database.Restart(ctx); err != nil {
		w.t.Fatal(err)
	}
}
