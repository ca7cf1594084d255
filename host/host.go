// Package host runs connectors: it assembles the store, the connectors' processes, the
// engine that drives payments and the two HTTP listeners into one daemon.
//
// A host owns its data directory: a second one on the same directory is refused. It
// loads connectors only from releases that were installed into it, by digest. When it
// stops it takes no new requests, lets those in flight finish, and then stops its
// connectors; when it is killed, its connectors die with it, and the next run goes on
// where it stopped.
package host

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Host is one daemon. Make it with New, run it once with Run.
type Host struct {
	config     Config
	layout     layout
	id         string // by which other hosts know this one
	unlock     func()
	store      *store.Store
	jobs       *jobs.Queue
	fleet      *fleet.Fleet
	depot      *depot // nil for a host that is alone
	decisions  *decisions
	follower   *follower
	connectors *connectors
	orders     *orders
	engine     *settle.Engine
	notifier   *notify.Notifier
	courier    *notify.Courier
	adminToken string
	returnKey  []byte

	apiListener, adminListener net.Listener
	apiServer, adminServer     *http.Server
}

// New opens the data directory and the listeners, so that the addresses are known and
// a wrong setting is reported before anything runs. A Host that is not run must be
// closed.
func New(ctx context.Context, config Config) (_ *Host, err error) {
	config, err = config.withDefaults()
	if err != nil {
		return nil, err
	}
	missing, err := config.Connectors.Isolation.offered()
	if err != nil {
		return nil, err
	}
	for _, l := range missing {
		config.Slog.WarnContext(ctx, "connectors are not kept in by this", "layer", l.Name, "because", l.Note)
	}
	config.Connectors.warnOfNoKeys(ctx, config.Slog)
	h := &Host{config: config, layout: layout{config.DataDir}}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := os.MkdirAll(config.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	if h.unlock, err = lockFile(h.layout.lock()); err != nil {
		return nil, err
	}
	if err := h.listen(); err != nil {
		return nil, err
	}
	if err := h.open(ctx); err != nil {
		return nil, err
	}
	if h.adminToken, err = loadToken(h.layout.adminToken()); err != nil {
		return nil, err
	}
	h.follower = newFollower(h)
	return h, h.assemble()
}

func (h *Host) listen() (err error) {
	if h.apiListener, err = net.Listen("tcp", h.config.Listen); err != nil { //nolint:noctx // bound before anything serves
		return fmt.Errorf("merchants' listener: %w", err)
	}
	if h.adminListener, err = net.Listen("tcp", h.config.AdminListen); err != nil { //nolint:noctx // as above
		return fmt.Errorf("operators' listener: %w", err)
	}
	h.config.PublicURL = or(h.config.PublicURL, h.APIURL())
	return nil
}

func (h *Host) open(ctx context.Context) error {
	key, err := store.LoadOrCreateMasterKey(or(h.config.MasterKeyFile, h.layout.masterKey()))
	if err != nil {
		return err
	}
	if h.store, err = h.openStore(ctx, key); err != nil {
		return fmt.Errorf("opening the database: %w", err)
	}
	if h.returnKey, err = key.Derive("return URLs"); err != nil {
		return err
	}
	if h.id, err = loadID(h.layout.id()); err != nil {
		return err
	}
	if h.jobs, err = jobs.Open(ctx, jobs.Config{Store: h.store, Host: h.id, Logger: h.config.Slog}); err != nil {
		return err
	}
	if _, err := launch.CleanRuntimeDir("", h.config.Connectors.Isolation.Cgroup); err != nil {
		h.config.Slog.WarnContext(ctx, "leftovers of killed hosts could not be removed", "error", err)
	}
	h.decisions = newDecisions(h.store, h.id, h.shares())
	h.connectors = newConnectors(h.config, h.decisions)
	h.orders = &orders{store: h.store, running: map[string]*order{}}
	h.fleet, err = fleet.Open(h.layout.releases(), h.connectors.trial())
	h.connectors.fleet = h.fleet
	if h.shares() {
		h.depot = &depot{store: h.store, host: h.id, dir: h.layout.releases()}
	}
	return err
}

// shares reports whether there may be other hosts on the database.
func (h *Host) shares() bool { return !h.config.Store.Empty() }

// assemble wires the parts. Reading it is reading the map in CONTRIBUTING.md.
func (h *Host) assemble() error {
	c := h.config
	h.store.Announce(api.NewAnnouncer(c.PublicURL, c.Mode, c.Slog))
	h.engine = settle.New(settle.Config{
		Store: h.store, Connectors: h.connectors, Logger: c.Slog, Now: c.Now,
		PublicURL: c.PublicURL, ReturnKey: h.returnKey, CallTimeout: c.CallTimeout, Sweep: c.Sweep, Looks: c.Looks,
		Jobs: h.jobs, Shared: h.store.Shared(),
	})
	h.jobs.Register(h.engine.Kinds()...)
	h.notifier = notify.New(notify.Config{
		Store: h.store, Connectors: h.connectors, Payments: h.engine, Logger: c.Slog, Now: c.Now, PublicURL: c.PublicURL,
		Tolerance: c.WebhookTolerance,
	})
	h.courier = notify.NewCourier(notify.CourierConfig{
		Store: h.store, Jobs: h.jobs, Logger: c.Slog, Now: c.Now, Private: c.PrivateWebhooks,
	})
	h.jobs.Register(h.courier.Kinds()...)
	contract, err := api.New(api.Config{
		Engine: h.engine, Store: h.store, Connectors: h.connectors, Notifier: h.notifier, Logger: c.Slog, Now: c.Now,
		PublicURL: c.PublicURL, Mode: c.Mode, AtOnce: c.AtOnce, Host: uuid.NewString(),
	})
	if err != nil {
		return err
	}
	others := doors{notifier: h.notifier, engine: h.engine, log: c.Slog}.handler()
	metrics, err := admin.NewMetrics(h, h.store, struct {
		*store.Store
		*notify.Courier
	}{h.store, h.courier})
	if err != nil {
		return err
	}
	if err := metrics.Watch(h.jobs, h.store, c.Now); err != nil {
		return err
	}
	h.apiServer = server(metrics.Merchants(beside(others, contract)), c.CallTimeout)
	operators, err := admin.New(admin.Config{
		Host: h, Store: h.store, Payments: h.engine, Jobs: h.jobs, Metrics: metrics, Token: h.adminToken, Mode: c.Mode,
		Logger: c.Slog, Now: c.Now,
	})
	if err != nil {
		return err
	}
	h.adminServer = server(operators, c.CallTimeout+c.DrainTimeout) // a swap starts, then drains
	h.adminServer.ReadTimeout = uploadBound
	return nil
}

// uploadBound is how long an operator may take to send a connector's binary.
const uploadBound = time.Minute

// server bounds what a slow or silent client can hold.
func server(handler http.Handler, callTimeout time.Duration) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      callTimeout + 15*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// Run serves until ctx ends, then stops everything in order. Ready is called once the
// listeners answer and the active connectors serve; its error stops the host.
func (h *Host) Run(ctx context.Context, ready func() error) (err error) {
	defer func() { err = errors.Join(err, h.Close(context.WithoutCancel(ctx))) }()
	failed := make(chan error, 3)
	var background sync.WaitGroup
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		stopWork()
		background.Wait()
	}()
	for server, listener := range map[*http.Server]net.Listener{h.apiServer: h.apiListener, h.adminServer: h.adminListener} {
		background.Go(func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	h.connectors.start(workCtx, &background)
	if err := h.activate(ctx); err != nil {
		h.config.Slog.ErrorContext(ctx, "a connector does not serve", "error", err)
	}
	background.Go(func() { h.follower.run(workCtx) })
	background.Go(func() {
		if err := h.jobs.Run(workCtx); err != nil {
			failed <- err
		}
	})
	if ready != nil {
		err = ready()
	}
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		}
	}
	return errors.Join(err, h.stopServing())
}

// stopServing lets requests in flight finish, within the drain bound.
func (h *Host) stopServing() error {
	ctx, cancel := context.WithTimeout(context.Background(), h.config.DrainTimeout)
	defer cancel()
	return drained(ctx, h.apiServer, h.adminServer)
}

// Close releases what New took. It may be called more than once.
func (h *Host) Close(ctx context.Context) error {
	var failed []error
	for _, l := range []net.Listener{h.apiListener, h.adminListener} {
		if l == nil {
			continue
		}
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			failed = append(failed, err)
		}
	}
	if h.courier != nil {
		h.courier.Close()
	}
	if h.store != nil {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		failed = append(failed, h.store.Close(ctx))
		h.store = nil
	}
	if h.unlock != nil {
		h.unlock()
		h.unlock = nil
	}
	return errors.Join(failed...)
}

// APIURL is where the merchants' API answers.
func (h *Host) APIURL() string { return "http://" + h.apiListener.Addr().String() }

// AdminURL is where the operators' API answers.
func (h *Host) AdminURL() string { return "http://" + h.adminListener.Addr().String() }

// ConsoleURL is the operators' console.
func (h *Host) ConsoleURL() string { return h.AdminURL() + "/console" }

// AdminTokenFile holds the token of the operators' API.
func (h *Host) AdminTokenFile() string { return h.layout.adminToken() }

// loadToken reads the operators' token, or makes one that only this user can read.
func loadToken(file string) (string, error) {
	raw, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the admin token: %w", err)
	}
	token := rand.Text()
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("writing the admin token: %w", err)
	}
	_, err = f.WriteString(token + "\n")
	return token, errors.Join(err, f.Close())
}

// ConsoleLink is the console with the key to it: whoever has the link is an operator.
func (h *Host) ConsoleLink() string { return h.ConsoleURL() + "?token=" + h.adminToken }
