package host

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/sdk"
)

// Config holds what a host needs to run. The zero Config keeps its data in
// "data" below the working directory and listens on free ports of the loopback
// interface.
type Config struct {
	DataDir string // database, master key, releases, sockets; empty means "data"
	// Store is the URL of the PostgreSQL database that hosts share, postgres://…; empty
	// means a database in the data directory, for this host alone.
	Store sdk.Secret
	// MasterKeyFile holds the key that seals the secrets in the database; empty means one in
	// the data directory. Hosts that share a database share it too.
	MasterKeyFile string
	Listen        string // merchants' API; empty means 127.0.0.1:0
	AdminListen   string // operators' API; empty means 127.0.0.1:0
	// PublicURL is where buyers and providers reach the merchants' listener from
	// outside; empty means its own address.
	PublicURL string
	// Mode is the environment of every account on this host; empty means test.
	Mode sdk.Mode

	CallTimeout  time.Duration // one call to a connector; 0 means 30s; looks of jobs have 30s at least
	DrainTimeout time.Duration // calls in flight at a swap or stop; 0 means 35s
	// Looks is how long to wait before each look at a payment in doubt; empty means 5s, 30s,
	// 2m, 10m, 1h, 6h and 24h. After the last its story says that it needs a person.
	Looks []time.Duration
	Sweep time.Duration // how often payments are searched for that no job looks after; 0 means 5s
	// WebhookTolerance is how far a provider's delivery may be from our clock; 0 means
	// what its connector states, or 5 minutes.
	WebhookTolerance time.Duration

	// AtOnce is how many requests of merchants that may wait for a provider are in work at
	// once; a quarter of it is for those that do not. 0 means 512.
	AtOnce int
	// PrivateWebhooks lets merchants' webhooks go to loopback, private and otherwise
	// special addresses. Whoever may subscribe can then have the host connect to whatever
	// it can reach.
	PrivateWebhooks bool

	// Attach, in development only, is the file in which a connector says where it listens
	// that a person runs under a debugger; see [Host.Attach]. Empty means that there is
	// none.
	Attach string

	Connectors Policy // what connectors may take, and what new releases must stand

	// Log is where everything is logged; nil means standard error at level info.
	Log hclog.Logger
	// Slog is the same log for this module's own packages; nil derives it from Log.
	Slog *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() (Config, error) {
	c.DataDir = or(c.DataDir, "data")
	c.Listen = or(c.Listen, "127.0.0.1:0")
	c.AdminListen = or(c.AdminListen, "127.0.0.1:0")
	c.Mode = or(c.Mode, sdk.ModeTest)
	c.CallTimeout = or(c.CallTimeout, 30*time.Second)
	c.DrainTimeout = or(c.DrainTimeout, c.CallTimeout+5*time.Second)
	c.Sweep = or(c.Sweep, 5*time.Second)
	if c.Now == nil {
		c.Now = now
	}
	if c.Log == nil {
		c.Log = hclog.New(&hclog.LoggerOptions{Name: "connectord", Output: os.Stderr, Level: hclog.Info})
	}
	if c.Slog == nil {
		c.Slog = slog.New(newBridge(c.Log))
	}
	return c, c.check()
}

// check names every setting that is wrong and what would be right.
func (c Config) check() error {
	var wrong []error
	if c.Mode != sdk.ModeTest && c.Mode != sdk.ModeLive {
		wrong = append(wrong, fmt.Errorf("environment is %q, must be test or live", c.Mode))
	}
	if c.Attach != "" && c.Mode != sdk.ModeTest {
		wrong = append(wrong, errors.New("attach is for debugging, environment must be test"))
	}
	if c.Attach != "" && c.Connectors.Isolation.Mode == IsolationRequired {
		wrong = append(wrong, errors.New("attach is without isolation, which must not be required"))
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || strings.HasSuffix(u.Path, "/") {
			wrong = append(wrong, fmt.Errorf("public-url is %q, must be like https://pay.example.com, without query or trailing slash", c.PublicURL))
		}
	}
	for name, d := range map[string]time.Duration{"call-timeout": c.CallTimeout, "drain-timeout": c.DrainTimeout, "sweep": c.Sweep, "webhook-tolerance": c.WebhookTolerance} {
		if d < 0 {
			wrong = append(wrong, fmt.Errorf("%s is %s, must be positive", name, d))
		}
	}
	if c.AtOnce < 0 {
		wrong = append(wrong, fmt.Errorf("at-once is %d, must be positive", c.AtOnce))
	}
	if err := settle.Schedule(c.Looks).Check(); err != nil {
		wrong = append(wrong, fmt.Errorf("looks: %w", err))
	}
	return errors.Join(append(wrong, c.Connectors.check())...)
}

func or[T comparable](value, fallback T) T {
	var zero T
	if value == zero {
		return fallback
	}
	return value
}

// layout names the files below the data directory.
type layout struct{ dir string }

func (l layout) database() string  { return filepath.Join(l.dir, "host.db") }
func (l layout) masterKey() string { return filepath.Join(l.dir, "master.key") }
func (l layout) id() string        { return filepath.Join(l.dir, "host.id") }
func (l layout) releases() string  { return filepath.Join(l.dir, "releases") }
func (l layout) lock() string      { return filepath.Join(l.dir, "lock") }
func (l layout) adminToken() string {
	return filepath.Join(l.dir, "admin.token")
}
