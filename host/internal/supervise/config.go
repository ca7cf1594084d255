package supervise

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/gatekeep"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/sdk"
)

// Config says what to supervise and within which bounds. Launcher, Slot and Journal
// are needed; what else is zero has the default given beside it.
type Config struct {
	Slot     *slot.Slot
	Launcher Launcher
	Journal  Journal
	// Admit decides whether a release that describes itself so may serve, and as what. An
	// error is final for the release. Nil admits what gatekeep.New does, whole.
	Admit  func(fleet.Release, sdk.Description) (Admission, error)
	Logger *slog.Logger // nil means no log
	// LastGeneration is the highest generation that earlier runs of the host recorded:
	// processes are numbered on from it, so that no two share a number.
	LastGeneration uint64

	StartTimeout time.Duration // from the start of a process to its description; 0 means 6s
	ReadyTimeout time.Duration // from there until it is healthy; 0 means 10s

	HealthEvery   time.Duration // between two health checks of what serves; 0 means 5s
	HealthTimeout time.Duration // for the answer to one; 0 means 1s
	HealthMisses  int           // failed checks in a row that make a process unhealthy; 0 means 3

	// The wait before start n after a failure is random between nothing and
	// BackoffMin × 2ⁿ, at most BackoffMax.
	BackoffMin time.Duration // 0 means 250ms
	BackoffMax time.Duration // 0 means 30s
	// WellAfter is how long a process must have served for the waits to begin anew
	// when it fails; 0 means 60s.
	WellAfter time.Duration
	// CrashLimit failures within CrashWindow put the connector into quarantine.
	CrashLimit  int           // 0 means 5
	CrashWindow time.Duration // 0 means 5m

	// DrainTimeout is how long calls in flight may go on once their process is
	// replaced. It should be longer than the longest call. 0 means 60s.
	DrainTimeout time.Duration
	// Bake is how long the process of a replaced release is kept alive, idle, after its
	// drain. While it is, what replaced it is compared with it.
	Bake   time.Duration
	Bounds Bounds // of the comparison
	// CompareEvery is the time between two comparisons; 0 means 1s.
	CompareEvery time.Duration
	Trial        Trial // what a release passes before it serves, unless a swap says otherwise

	// ParkAfter deaths under the same call park that call; 0 means 2.
	ParkAfter int
	// Suspects are the calls under which the connector died in earlier runs, as Remember
	// was told last. Nil for Remember means that they are forgotten with this run.
	Suspects []Suspect
	Remember func(context.Context, []Suspect) error

	StopTimeout time.Duration // for stopping a process, escalation included; 0 means 4s
	// JournalTimeout bounds one record; 0 means 5s.
	JournalTimeout time.Duration

	// Jitter picks a wait of at most d; nil means a uniformly random one.
	Jitter func(d time.Duration) time.Duration
}

// An Admission is what a release is admitted as.
type Admission struct {
	// Description is what it may be asked for: what it says of itself, or less.
	Description sdk.Description
	Gate        *gatekeep.Gate // of that
}

func admitWhole(_ fleet.Release, d sdk.Description) (Admission, error) {
	gate, err := gatekeep.New(d)
	return Admission{d, gate}, err
}

// healthRetry is the time between two questions whether a new process is healthy.
const healthRetry = 100 * time.Millisecond

func (c Config) withDefaults() Config {
	c.StartTimeout = cmp.Or(c.StartTimeout, 6*time.Second)
	c.ReadyTimeout = cmp.Or(c.ReadyTimeout, 10*time.Second)
	c.HealthEvery = cmp.Or(c.HealthEvery, 5*time.Second)
	c.HealthTimeout = cmp.Or(c.HealthTimeout, time.Second)
	c.HealthMisses = cmp.Or(c.HealthMisses, 3)
	c.BackoffMin = cmp.Or(c.BackoffMin, 250*time.Millisecond)
	c.BackoffMax = cmp.Or(c.BackoffMax, 30*time.Second)
	c.WellAfter = cmp.Or(c.WellAfter, time.Minute)
	c.CrashLimit = cmp.Or(c.CrashLimit, 5)
	c.CrashWindow = cmp.Or(c.CrashWindow, 5*time.Minute)
	c.Bounds = c.Bounds.withDefaults()
	c.CompareEvery = cmp.Or(c.CompareEvery, time.Second)
	c.ParkAfter = cmp.Or(c.ParkAfter, 2)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, time.Minute)
	c.StopTimeout = cmp.Or(c.StopTimeout, 4*time.Second)
	c.JournalTimeout = cmp.Or(c.JournalTimeout, 5*time.Second)
	if c.Admit == nil {
		c.Admit = admitWhole
	}
	if c.Remember == nil {
		c.Remember = func(context.Context, []Suspect) error { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Jitter == nil {
		c.Jitter = func(d time.Duration) time.Duration { return rand.N(d + 1) }
	}
	c.Logger = c.Logger.With("connector", c.Slot.Connector())
	return c
}

// backoff is the longest wait before the next start after so many before it.
func (c Config) backoff(attempts int) time.Duration {
	d := c.BackoffMin
	for range attempts {
		if d >= c.BackoffMax {
			break
		}
		d *= 2
	}
	return min(d, c.BackoffMax)
}
