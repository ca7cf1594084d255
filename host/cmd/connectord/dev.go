package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
)

// tokenLife is how long the printed token works: a working day.
const tokenLife = 12 * time.Hour

// devCmd runs everything that is needed to take a payment on one machine.
type devCmd struct {
	settings      `embed:"" set:"certification=warn"`
	Listen        string `help:"Address of the merchants' API. With port 0 every address is a free one." default:"127.0.0.1:8080"`
	AdminListen   string `help:"Address of the operators' API." default:"127.0.0.1:8081"`
	SandboxListen string `help:"Address of the stand-in Smartpay." default:"127.0.0.1:8082"`
	DataDir       string `help:"Where the host keeps its data." default:".data/dev" type:"path"`
	ReadyFile     string `help:"Write one JSON object here when ready." placeholder:"FILE" type:"path"`
	Plugin        string `help:"Connector binary. Default: plugin-smartpay beside this program. Its certificate is FILE.cert." placeholder:"FILE" type:"existingfile" xor:"plugin"`
	Watch         bool   `help:"When the connector binary changes, swap the new one in. It is built by somebody else." xor:"watch"`
	Attach        string `help:"Instead of a binary, use the connector that you run under a debugger with CONNECTOR_ATTACH=FILE. No TLS, no confinement." placeholder:"FILE" type:"path" xor:"plugin,watch"`
	Sandbox       string `help:"Sandbox program. Default: smartpay-sandbox beside this program." placeholder:"FILE" type:"existingfile"`
}

// Run serves until the context ends.
func (c *devCmd) Run(w *world) error {
	return c.serve(w, func(d *dev) error {
		if c.ReadyFile != "" {
			if err := writeReady(c.ReadyFile, d.ready()); err != nil {
				return err
			}
		}
		return d.greet(w.stdout)
	})
}

// serve brings everything up, calls ready, and takes everything down again when the
// context ends or ready fails.
func (c *devCmd) serve(w *world, ready func(*dev) error) (err error) {
	c.freePorts()
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return err
	}
	d := &dev{dir: c.DataDir}
	box, err := startSandbox(w.ctx, c.beside(w, c.Sandbox, "smartpay-sandbox"), c.SandboxListen, c.DataDir, w.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, box.stop()) }()
	d.sandboxURL = box.URL

	config, err := c.config(w.stderr)
	if err != nil {
		return err
	}
	way, err := addressOf(box.URL)
	if err != nil {
		return err
	}
	config.Connectors.Isolation.Egress = append(config.Connectors.Isolation.Egress, way)
	config.PrivateWebhooks = true // shops under development are on this machine
	config.Listen, config.AdminListen, config.DataDir, config.Attach = c.Listen, c.AdminListen, c.DataDir, c.Attach
	if d.host, err = host.New(w.ctx, config); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(w.ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel()
	return d.host.Run(ctx, func() error {
		if err := c.bringUp(ctx, w, d, &work); err != nil {
			return err
		}
		return ready(d)
	})
}

// bringUp makes the connector serve, follows it if that is wanted, and prepares the host
// for a payment.
func (c *devCmd) bringUp(ctx context.Context, w *world, d *dev, work *sync.WaitGroup) error {
	use := c.install
	if c.Attach != "" {
		use = c.attach
	}
	if err := use(ctx, w, d, work); err != nil {
		return err
	}
	if err := d.seed(ctx); err != nil {
		return fmt.Errorf("preparing the development payment service: %w", err)
	}
	return nil
}

// attach waits for the connector that the author starts.
func (c *devCmd) attach(ctx context.Context, w *world, d *dev, work *sync.WaitGroup) (err error) {
	a := &attacher{host: d.host, file: c.Attach, out: w.stderr}
	a.say("waiting for a connector to debug; start it with\n\n  CONNECTOR_ATTACH=%s dlv exec ./plugin-mine\n", c.Attach)
	if d.connector, err = a.begin(ctx); err != nil {
		return err
	}
	work.Go(func() { a.keep(ctx, d.connector) })
	return nil
}

// install installs the binary and makes it serve.
func (c *devCmd) install(ctx context.Context, w *world, d *dev, work *sync.WaitGroup) error {
	plugin := c.beside(w, c.Plugin, "plugin-smartpay")
	file := newWatcher(plugin) // before it is read: what changes from here on is noticed
	var release fleet.Release
	cert, err := certificateOf(plugin, "")
	if err == nil {
		release, err = d.host.Install(ctx, plugin, cert)
	}
	if err == nil {
		_, err = d.host.Use(ctx, release)
	}
	if err != nil {
		return err
	}
	d.connector = release.Name
	if c.Watch {
		r := &reloader{host: d.host, path: plugin, connector: release.Name, status: d.host.Connectors, out: w.stderr}
		work.Go(func() { r.run(ctx, file) })
	}
	return nil
}

// addressOf is the host:port of a URL.
func addressOf(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	return u.Host, nil
}

// freePorts gives the other listeners free ports too where the first one asks for one.
func (c *devCmd) freePorts() {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil || port != "0" {
		return // a wrong address is reported by whoever listens on it
	}
	c.AdminListen = net.JoinHostPort(host, "0")
	c.SandboxListen = net.JoinHostPort(host, "0")
}

// beside is a program's path: as given, or in the folder of this program.
func (c *devCmd) beside(w *world, given, name string) string {
	if given != "" {
		return given
	}
	return filepath.Join(filepath.Dir(w.executable), name)
}

// dev is a running development host.
type dev struct {
	host       *host.Host
	dir        string
	sandboxURL string
	connector  string // what it runs
	key        []byte // PEM
	merchant   *merchant
}

func (d *dev) keyFile() string { return filepath.Join(d.dir, "api-key.pem") }

// smartpay is the connector that has a stand-in here, and so can be given an account.
const smartpay = "smartpay"

// seed makes the host ready to take a payment: a key, and for Smartpay a payment service.
func (d *dev) seed(ctx context.Context) (err error) {
	if d.key, err = d.loadKey(); err != nil {
		return err
	}
	if err := d.host.TrustKey(ctx, d.key, "development"); err != nil {
		return err
	}
	token, err := api.Sign(d.key, []string{"*.read", "*.write"}, tokenLife, time.Now())
	if err != nil {
		return err
	}
	d.merchant = &merchant{url: d.host.APIURL(), token: token}
	if d.connector != smartpay {
		return nil
	}
	return d.merchant.ensureService(ctx, smartpay, map[string]string{"api_url": d.sandboxURL + "/v1"}, func() map[string]string {
		return map[string]string{"secret_key": "sk_test_" + rand.Text()[:22]}
	})
}

// loadKey reads the merchant's private key, or makes one.
func (d *dev) loadKey() ([]byte, error) {
	pem, err := os.ReadFile(d.keyFile())
	if !errors.Is(err, fs.ErrNotExist) {
		return pem, err
	}
	pem, _, _, err = newKeyPair()
	if err != nil {
		return nil, err
	}
	return pem, writePrivate(d.keyFile(), pem)
}

func (d *dev) ready() ready {
	return ready{
		APIURL: d.host.APIURL(), AdminURL: d.host.AdminURL(), ConsoleURL: d.host.ConsoleURL(),
		SandboxURL: d.sandboxURL, APIKeyFile: d.keyFile(), AdminTokenFile: d.host.AdminTokenFile(), DataDir: d.dir,
	}
}
