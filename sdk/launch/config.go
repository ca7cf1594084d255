package launch

import (
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// Config says what to start. Only Path is needed.
type Config struct {
	Path string // of the connector's program
	// SHA256 is the digest, in hexadecimal, without which the program must not run.
	// Empty runs whatever is there; [Plugin.Digest] says what it was.
	SHA256 string
	// RuntimeDir is where the connector's private directory with its socket is made;
	// empty means the system's directory for temporary files. Nobody else may be able
	// to write to it, and its absolute path may have at most 61 bytes.
	RuntimeDir string
	// Logger gets what the connector logs, with its levels, and nothing at all if nil.
	Logger hclog.Logger

	StartTimeout    time.Duration // from the call of Start to the handshake; 0 means 5 s
	DescribeTimeout time.Duration // for the first answer; 0 means 1 s
	StopTimeout     time.Duration // for Stop, escalation included; 0 means 3 s
	MaxReply        int           // bytes of the largest answer taken; 0 means 4 MiB

	// Env are variables for the connector, as KEY=VALUE, such as GOMEMLIMIT. Beside
	// them it gets PATH, TMPDIR and what the handshake needs, and nothing of the host's
	// own environment. No secrets here: an environment can be read by others.
	Env []string
	// Egress is the connector's way out, which Dial of package serve uses; nil opens none.
	Egress *Egress
	// Confine takes rights away from the connector; nil leaves it those of the host's user.
	Confine *Confinement
	// Redact masks what the host knows to be secret in what the connector logs, beyond
	// what is masked anyway. It must be safe for concurrent use. Nil masks nothing more.
	Redact func(string) string
}

const (
	defaultStart    = 5 * time.Second
	defaultDescribe = time.Second
	defaultStop     = 3 * time.Second
	defaultMaxReply = 4 << 20

	// searchPath is fixed, because the host's own may name its user's directories.
	searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.StartTimeout = orElse(c.StartTimeout, defaultStart)
	c.DescribeTimeout = orElse(c.DescribeTimeout, defaultDescribe)
	c.StopTimeout = orElse(c.StopTimeout, defaultStop)
	c.MaxReply = orElse(c.MaxReply, defaultMaxReply)
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}

func orElse[T int | time.Duration](value, fallback T) T {
	if value == 0 {
		return fallback
	}
	return value
}

// check names the first thing that is malformed or not the caller's to set.
func (c Config) check() error {
	if c.Egress != nil {
		if err := c.Egress.check(); err != nil {
			return err
		}
	}
	if c.Confine != nil {
		if err := c.Confine.check(); err != nil {
			return err
		}
	}
	for _, variable := range c.Env {
		name, _, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			return failf(ReasonHost, "environment variable %q is not of the form KEY=VALUE", name)
		}
		if reserved(name) {
			return failf(ReasonHost, "environment variable %s is set by the host itself", name)
		}
	}
	return nil
}

func reserved(name string) bool {
	switch name {
	case "PATH", "TMPDIR", link.CookieKey, link.LifelineKey, link.EgressKey:
		return true
	}
	return strings.HasPrefix(name, "PLUGIN_")
}
