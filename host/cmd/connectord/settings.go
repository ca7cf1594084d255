package main

import (
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/sdk"
)

// settings are shared by the commands that run a host.
type settings struct {
	PublicURL        string          `help:"Where buyers and providers reach the merchants' listener from outside. Default: its own address." placeholder:"URL"`
	Environment      sdk.Mode        `help:"Mode of every account on this host: ${enum}." enum:"test,live" default:"test"`
	CallTimeout      time.Duration   `help:"Longest call to a connector. A look at a payment that nobody waits for has 30s even if this is less." default:"30s"`
	DrainTimeout     time.Duration   `help:"Longest wait for calls in flight at a swap or stop." default:"35s"`
	Sweep            time.Duration   `help:"How often payments are searched for that have to be looked at and that no job looks after." default:"5s"`
	Looks            []time.Duration `help:"How long to wait before each look at a payment in doubt; after the last a person is needed." default:"5s,30s,2m,10m,1h,6h,24h"`
	WebhookTolerance time.Duration   `help:"How far a provider's delivery may be from this clock. Default: what its connector states, or 5m."`
	AtOnce           int             `help:"Most requests of merchants in work at once that may wait for a provider; a quarter of it for others. Those beyond get 429." default:"512"`
	PrivateWebhooks  bool            `help:"Let merchants' webhooks go to loopback and private addresses. Always so in development."`
	LogLevel         string          `help:"What to log: ${enum}." enum:"debug,info,warn,error" default:"info"`
	LogFormat        string          `help:"How to log: ${enum}." enum:"text,json" default:"text"`
	policy           `embed:""`
	certification    `embed:""`
}

func (s settings) config(stderr io.Writer) (host.Config, error) {
	connectors := s.policy.config()
	var err error
	connectors.Certification, err = s.certification.config()
	return host.Config{
		PublicURL:        s.PublicURL,
		Mode:             s.Environment,
		CallTimeout:      s.CallTimeout,
		DrainTimeout:     s.DrainTimeout,
		Sweep:            s.Sweep,
		Looks:            s.Looks,
		WebhookTolerance: s.WebhookTolerance,
		AtOnce:           s.AtOnce,
		PrivateWebhooks:  s.PrivateWebhooks,
		Connectors:       connectors,
		Log: hclog.New(&hclog.LoggerOptions{
			Name: "connectord", Output: stderr, Level: hclog.LevelFromString(s.LogLevel),
			JSONFormat: s.LogFormat == "json",
		}),
	}, err
}

// serveCmd runs the daemon.
type serveCmd struct {
	settings    `embed:"" set:"certification=enforce"`
	sharing     `embed:""`
	Listen      string   `help:"Address of the merchants' API." default:"127.0.0.1:8080"`
	AdminListen string   `help:"Address of the operators' API. Keep it off public networks." default:"127.0.0.1:8081"`
	DataDir     string   `help:"Where the host keeps its data." default:"data" type:"path"`
	Connector   []string `help:"Install and activate this connector binary at start, unless a release of it is active already. Its certificate is FILE.cert. Repeatable." placeholder:"FILE" type:"existingfile"`
	ReadyFile   string   `help:"Write one JSON object here when ready." placeholder:"FILE" type:"path"`
}

// Run serves until the context ends.
func (c *serveCmd) Run(w *world) error {
	config, err := c.config(w.stderr)
	if err != nil {
		return err
	}
	config.Listen, config.AdminListen, config.DataDir = c.Listen, c.AdminListen, c.DataDir
	if config.Store, err = c.url(); err != nil {
		return err
	}
	config.MasterKeyFile = c.MasterKeyFile
	h, err := host.New(w.ctx, config)
	if err != nil {
		return err
	}
	return h.Run(w.ctx, func() error {
		for _, file := range c.Connector {
			if err := ensure(w.ctx, h, file); err != nil {
				return fmt.Errorf("activating %s: %w", file, err)
			}
		}
		fmt.Fprintf(w.stdout, "merchants' API  %s\noperators' API  %s\n", h.APIURL(), h.AdminURL())
		if c.ReadyFile == "" {
			return nil
		}
		return writeReady(c.ReadyFile, ready{
			APIURL: h.APIURL(), AdminURL: h.AdminURL(), ConsoleURL: h.ConsoleURL(),
			AdminTokenFile: h.AdminTokenFile(), DataDir: c.DataDir,
		})
	})
}
