package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/pgserver"
)

const (
	hostStart = 30 * time.Second
	hostStop  = 45 * time.Second // calls in flight come to their end first
	pgStop    = 15 * time.Second
	// clusterDatabase is the database that the hosts share.
	clusterDatabase = "connectord"
)

// clusterCmd runs several hosts on one machine.
type clusterCmd struct {
	Hosts         int           `help:"How many hosts." default:"3"`
	Payments      int           `help:"Take so many payments, kill a host and bring it back meanwhile, and end with what came of them. Default: stay until Ctrl-C." default:"0"`
	Listen        string        `help:"Address of the proxy in front of the merchants' APIs." default:"127.0.0.1:8080"`
	SandboxListen string        `help:"Address of the stand-in Smartpay." default:"127.0.0.1:0"`
	DataDir       string        `help:"Where everything keeps its data, and is used again. Default: a folder that is removed at the end." type:"path"`
	ReadyFile     string        `help:"Write one JSON object here when ready." placeholder:"FILE" type:"path"`
	Plugin        string        `help:"Connector binary. Default: plugin-smartpay beside this program." placeholder:"FILE" type:"existingfile"`
	Sandbox       string        `help:"Sandbox program. Default: smartpay-sandbox beside this program." placeholder:"FILE" type:"existingfile"`
	CallTimeout   time.Duration `help:"Longest call to a connector." default:"10s"`
	LogLevel      string        `help:"What the hosts log, each to a file in its folder: ${enum}." enum:"debug,info,warn,error" default:"info"`
}

// Run brings everything up, uses it or waits, and takes everything down.
func (c *clusterCmd) Run(w *world) (err error) {
	if c.Hosts < 1 || c.Hosts > 16 || c.Payments < 0 {
		return errors.New("hosts must be from 1 to 16, and payments not negative")
	}
	if c.DataDir == "" {
		if c.DataDir, err = os.MkdirTemp("", "connectord-cluster-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.DataDir)) }()
	}
	// The database server may run as another user, who must get to its folder.
	if err := errors.Join(os.MkdirAll(c.DataDir, 0o711), os.Chmod(c.DataDir, 0o711)); err != nil { //nolint:gosec // what is in it is nobody else's
		return err
	}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	k := &cluster{cmd: c, w: w, ctx: ctx, proxy: newProxy()}
	defer func() { err = errors.Join(err, k.stop()) }()
	if err := k.start(); err != nil {
		return err
	}
	if c.ReadyFile != "" {
		if err := writeReady(c.ReadyFile, k.ready()); err != nil {
			return err
		}
	}
	if c.Payments > 0 {
		return k.prove(c.Payments)
	}
	if err := k.greet(); err != nil {
		return err
	}
	return k.wait()
}

// A cluster is what the command has started.
type cluster struct {
	cmd   *clusterCmd
	w     *world
	ctx   context.Context // ends with the command
	stops []func() error  // the last is to be called first

	url      string // of the proxy
	box      *sandbox
	proxy    *proxy
	failed   chan error // of the proxy
	hosts    []*member
	key      []byte // PEM
	keyFile  string
	merchant *merchant
}

// start brings up the database, the provider, the hosts, and what they serve.
func (k *cluster) start() error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"the database", k.startDatabase},
		{"the sandbox", k.startSandbox},
		{"the proxy", k.startProxy},
		{"the hosts", k.startHosts},
		{"the connector", k.install},
		{"the merchant", k.seed},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("starting %s: %w", step.what, err)
		}
	}
	return nil
}

func (k *cluster) path(name string) string { return filepath.Join(k.cmd.DataDir, name) }

func (k *cluster) startDatabase() error {
	server, err := pgserver.Start(k.ctx, k.path("postgres"))
	if errors.Is(err, os.ErrPermission) && os.Geteuid() == 0 {
		err = fmt.Errorf("%w (PostgreSQL does not run as root: another user must be able to reach %s)", err, k.cmd.DataDir)
	}
	if err != nil {
		return err
	}
	k.stops = append(k.stops, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), pgStop)
		defer cancel()
		return server.Stop(ctx)
	})
	if _, err := os.Stat(k.path("store.url")); err == nil {
		return nil // it is used again
	}
	if err := server.CreateDatabase(k.ctx, clusterDatabase); err != nil {
		return err
	}
	return writePrivate(k.path("store.url"), []byte(server.URL(clusterDatabase)+"\n"))
}

func (k *cluster) startSandbox() (err error) {
	log, err := os.OpenFile(k.path("sandbox.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	k.stops = append(k.stops, log.Close)
	dev := devCmd{}
	k.box, err = startSandbox(k.ctx, dev.beside(k.w, k.cmd.Sandbox, "smartpay-sandbox"), k.cmd.SandboxListen, k.cmd.DataDir, log)
	if err == nil {
		k.stops = append(k.stops, k.box.stop)
	}
	return err
}

func (k *cluster) startProxy() error {
	l, err := net.Listen("tcp", k.cmd.Listen) //nolint:noctx // bound before anything serves
	if err != nil {
		return err
	}
	k.url = "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.WithoutCancel(k.ctx))
	k.failed = make(chan error, 1)
	var serving sync.WaitGroup
	serving.Go(func() { k.failed <- k.proxy.serve(ctx, l) })
	k.stops = append(k.stops, func() error {
		cancel()
		serving.Wait()
		return nil
	})
	return nil
}

// startHosts starts the first host, which prepares the database, and then the others.
func (k *cluster) startHosts() error {
	k.hosts = make([]*member, k.cmd.Hosts)
	k.stops = append(k.stops, func() error { return k.each(k.hosts, (*member).stop) })
	for i := range k.hosts {
		k.hosts[i] = &member{cluster: k, name: fmt.Sprintf("host-%d", i+1)}
	}
	err := k.hosts[0].start()
	if err == nil {
		err = k.each(k.hosts[1:], (*member).start)
	}
	if err != nil {
		return err
	}
	for _, m := range k.hosts {
		if err := k.proxy.add(m.ready.APIURL, m.ready.AdminURL); err != nil {
			return err
		}
	}
	return nil
}

// each does something for several hosts at once.
func (k *cluster) each(hosts []*member, do func(*member) error) error {
	failed := make([]error, len(hosts))
	var all sync.WaitGroup
	for i, m := range hosts {
		all.Go(func() { failed[i] = do(m) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// install gives the connector to the first host, and waits until all serve it.
func (k *cluster) install() error {
	dev := devCmd{}
	binary := dev.beside(k.w, k.cmd.Plugin, "plugin-smartpay")
	cert, err := certificateOf(binary, "")
	if err != nil {
		return err
	}
	file, err := os.Open(binary)
	if err != nil {
		return fmt.Errorf("%w (run make build first)", err)
	}
	defer file.Close()
	first := k.hosts[0].operator()
	raw, err := first.upload(k.ctx, "/v1/releases", cert, file)
	if err != nil {
		return err
	}
	var release struct{ Name, Digest string }
	if err := json.Unmarshal(raw, &release); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	served, err := first.ask(k.ctx, http.MethodGet, "/v1/connectors", nil)
	if err != nil {
		return err
	}
	how, order := "/activate", map[string]any{"release": release.Digest}
	if serves(served, release.Name) {
		how, order = "/swap", map[string]any{"release": release.Digest, "allow_loss": true}
	}
	if _, err := first.send(k.ctx, http.MethodPost, "/v1/connectors/"+segment(release.Name)+how, order); err != nil {
		return err
	}
	return k.each(k.hosts, func(m *member) error { return m.awaitServing(k.ctx, release.Name, release.Digest) })
}

// serves reports whether a list of connectors has one of that name that was activated.
func serves(list []byte, connector string) bool {
	var answer struct {
		Items []struct{ Connector, State string }
	}
	if json.Unmarshal(list, &answer) != nil {
		return false // the next request tells
	}
	for _, c := range answer.Items {
		if c.Connector == connector {
			return c.State != "stopped" && c.State != "rejected"
		}
	}
	return false
}

// seed makes the cluster ready to take a payment.
func (k *cluster) seed() (err error) {
	k.keyFile = k.path("api-key.pem")
	if k.key, err = os.ReadFile(k.keyFile); errors.Is(err, os.ErrNotExist) {
		if k.key, _, _, err = newKeyPair(); err == nil {
			err = writePrivate(k.keyFile, k.key)
		}
	}
	if err != nil {
		return err
	}
	kid, public, err := api.PublicHalf(k.key)
	if err != nil {
		return err
	}
	_, err = k.hosts[0].operator().send(k.ctx, http.MethodPost, "/v1/keys", map[string]any{
		"id": kid, "public_key": public, "display_name": "cluster", "scopes": []string{"*.read", "*.write"},
	})
	if err != nil {
		return err
	}
	token, err := api.Sign(k.key, []string{"*.read", "*.write"}, tokenLife, time.Now())
	if err != nil {
		return err
	}
	k.merchant = &merchant{url: k.url, token: token}
	return k.merchant.ensureService(k.ctx, smartpay, map[string]string{"api_url": k.box.URL + "/v1"}, func() map[string]string {
		return map[string]string{"secret_key": "sk_test_" + rand.Text()[:22]}
	})
}

func (k *cluster) ready() ready {
	r := ready{APIURL: k.url, SandboxURL: k.box.URL, APIKeyFile: k.keyFile, DataDir: k.cmd.DataDir}
	for _, m := range k.hosts {
		r.Hosts = append(r.Hosts, m.ready)
	}
	r.AdminURL, r.ConsoleURL, r.AdminTokenFile = r.Hosts[0].AdminURL, r.Hosts[0].ConsoleURL, r.Hosts[0].AdminTokenFile
	return r
}

// greet prints where everything is.
func (k *cluster) greet() error {
	_, err := fmt.Fprintf(k.w.stdout, "%d hosts on one database are ready to take payments. Ctrl-C stops everything.\n\n  merchants' API   %s\n  sandbox          %s\n  private key      %s\n",
		len(k.hosts), k.url, k.box.URL, k.keyFile)
	for _, m := range k.hosts {
		_, err = fmt.Fprintf(k.w.stdout, "  %s           console %s, token in %s\n", m.name, m.ready.ConsoleURL, m.ready.AdminTokenFile)
	}
	if err == nil {
		_, err = fmt.Fprintf(k.w.stdout, "\nexport TOKEN='%s'\n\n  connectord hosts list --admin %s --token-file %s\n",
			k.merchant.token, k.hosts[0].ready.AdminURL, k.hosts[0].ready.AdminTokenFile)
	}
	return err
}

// wait stays until the context ends, or something does that must not.
func (k *cluster) wait() error {
	ended := make(chan error, len(k.hosts))
	var watching sync.WaitGroup
	defer watching.Wait()
	over, cancel := context.WithCancel(k.ctx)
	defer cancel()
	for _, m := range k.hosts {
		watching.Go(func() {
			select {
			case err := <-m.ended:
				m.ended <- err // for stop
				ended <- fmt.Errorf("%s ended: %w", m.name, errors.Join(err, errEnded))
			case <-over.Done():
			}
		})
	}
	select {
	case <-k.ctx.Done():
		return nil
	case err := <-ended:
		return err
	case err := <-k.failed:
		return fmt.Errorf("the proxy ended: %w", err)
	}
}

// stop takes everything down, in the opposite order.
func (k *cluster) stop() error {
	var failed []error
	for i := len(k.stops) - 1; i >= 0; i-- {
		failed = append(failed, k.stops[i]())
	}
	return errors.Join(failed...)
}

// A member is one host of a cluster: a process, and its data directory, which outlives
// it.
type member struct {
	*cluster
	name  string
	child *exec.Cmd // nil before the first start
	log   io.Closer
	ended chan error // holds how the process ended, once it has
	ready ready
}

// start starts the host and waits until it is ready.
func (m *member) start() error {
	dir := m.path(m.name)
	readyFile := filepath.Join(dir, "ready.json")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Remove(readyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	way, err := addressOf(m.box.URL)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	child := exec.Command(m.w.executable, "serve", //nolint:noctx,gosec // this program; stop ends it
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--public-url", m.url, "--data-dir", dir,
		"--store-file", m.path("store.url"), "--master-key-file", m.path("master.key"), "--ready-file", readyFile,
		"--certification", "warn", "--egress", way, "--log-level", m.cmd.LogLevel,
		"--call-timeout", m.cmd.CallTimeout.String(), "--sweep", "1s")
	child.Stdout, child.Stderr = log, log
	ended, err := startTied(child)
	if err != nil {
		return errors.Join(err, log.Close())
	}
	m.child, m.log, m.ended = child, log, make(chan error, 1)
	go func(kept chan<- error) { kept <- <-ended }(m.ended) // ends with the process
	return m.awaitReady(readyFile)
}

// awaitReady polls for the file: it is written by another process.
func (m *member) awaitReady(file string) error {
	ctx, cancel := context.WithTimeout(m.ctx, hostStart)
	defer cancel()
	for {
		if raw, err := os.ReadFile(file); err == nil {
			m.ready = ready{PID: m.child.Process.Pid}
			if err := json.Unmarshal(raw, &m.ready); err != nil {
				return fmt.Errorf("%s: reading its ready file: %w", m.name, err)
			}
			return nil
		}
		select {
		case err := <-m.ended:
			m.ended <- err
			return fmt.Errorf("%s ended before it was ready: %w", m.name, errors.Join(err, m.lastLog()))
		case <-ctx.Done():
			return fmt.Errorf("%s was not ready within %s: %w", m.name, hostStart, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// lastLog is the end of what the host has logged.
func (m *member) lastLog() error {
	raw, err := os.ReadFile(filepath.Join(m.path(m.name), "log"))
	if err != nil {
		return err
	}
	return errors.New(string(raw[max(0, len(raw)-2000):]))
}

func (m *member) operator() operator {
	return operator{Admin: m.ready.AdminURL, TokenFile: m.ready.AdminTokenFile}
}

// awaitServing waits until the host serves a release.
func (m *member) awaitServing(ctx context.Context, connector, digest string) error {
	ctx, cancel := context.WithTimeout(ctx, hostStart)
	defer cancel()
	for {
		var answer struct {
			Items []struct{ Connector, State, Digest string }
		}
		raw, err := m.operator().ask(ctx, http.MethodGet, "/v1/connectors", nil)
		if err == nil {
			err = json.Unmarshal(raw, &answer)
		}
		for _, c := range answer.Items {
			if c.Connector == connector && c.State == "serving" && c.Digest == digest {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve %s: %w", m.name, connector, errors.Join(err, ctx.Err()))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// kill ends the host as the kernel would, without asking.
func (m *member) kill() error {
	if err := m.child.Process.Kill(); err != nil {
		return fmt.Errorf("killing %s: %w", m.name, err)
	}
	return m.over(<-m.ended)
}

// stop ends the host, politely first. One that has ended, or was never started, is
// stopped.
func (m *member) stop() error {
	if m.child == nil {
		return nil
	}
	if err := m.child.Process.Signal(syscall.SIGTERM); err != nil {
		return m.over(nil) // it has ended already
	}
	select {
	case err := <-m.ended:
		return m.over(err)
	case <-time.After(hostStop):
	}
	return errors.Join(fmt.Errorf("%s did not end within %s", m.name, hostStop), m.kill())
}

// over takes note that the process has ended: how is no surprise.
func (m *member) over(err error) error {
	m.child = nil
	return errors.Join(unlessStatus(err), m.log.Close())
}
