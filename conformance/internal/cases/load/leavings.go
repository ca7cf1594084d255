package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

const leakWhy = "A process that serves for weeks and loses a little with every call ends in the middle of one."

// calls is how many calls a connector must survive without growing, and width how many
// of them run at the same time.
const (
	calls = 800
	width = 32
)

// A use is what a process holds.
type use struct {
	stacks           map[stack]int // goroutines, by where they are; in memory alone
	files, kilobytes int
}

// A stack is where a goroutine is.
type stack [32]uintptr

// goroutines counts those of this process by where they are: whoever leaves one behind
// with every call leaves them all at the same place, whatever else goes on.
func goroutines() map[stack]int {
	records := make([]runtime.StackRecord, 2*runtime.NumGoroutine()+calls)
	n, _ := runtime.GoroutineProfile(records) // those that do not fit are not ours
	counts := map[stack]int{}
	for _, r := range records[:min(n, len(records))] {
		counts[r.Stack0]++
	}
	return counts
}

// grown is by how many goroutines the place has grown that has grown most.
func grown(before, after map[stack]int) int {
	most := 0
	for at, n := range after {
		most = max(most, n-before[at])
	}
	return most
}

// useOf measures the connector's process; for one in memory, our own goroutines and
// files, of which it holds a part.
func useOf(l *suite.Lane) (use, error) {
	pid := "self"
	if !l.InMemory() {
		pid = strconv.Itoa(l.Process.PID())
	}
	files, err := os.ReadDir("/proc/" + pid + "/fd")
	if err != nil {
		return use{}, fmt.Errorf("%w: counting files: %w", suite.ErrSuite, err)
	}
	u := use{files: len(files)}
	if l.InMemory() {
		u.stacks = goroutines()
		return u, nil
	}
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return use{}, fmt.Errorf("%w: measuring memory: %w", suite.ErrSuite, err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			u.kilobytes, err = strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		}
	}
	if err != nil {
		return use{}, fmt.Errorf("%w: measuring memory: %w", suite.ErrSuite, err)
	}
	return u, nil
}

// Bounds of what may be left after calls: what a pool keeps, and what a garbage
// collector has not yet given back, never something for each call.
const (
	spareGoroutines = calls / 2
	spareFiles      = calls / 4
	spareKilobytes  = 48 << 10
)

// settling is how long what winds down may take.
const settling = 5 * time.Second

// grows makes calls and checks what they leave, once what winds down has.
func grows(ctx context.Context, l *suite.Lane, step string, call func(ctx context.Context) error) error {
	for range width { // whatever is made once is made now
		if err := call(ctx); err != nil {
			return err
		}
	}
	before, err := useOf(l)
	if err != nil {
		return err
	}
	if err := each(width, func(int) error {
		for range calls / width {
			if err := call(ctx); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return settled(ctx, l, step, before)
}

// settled waits for what winds down, and says what does not.
func settled(ctx context.Context, l *suite.Lane, step string, before use) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	look := time.NewTicker(settling / 50)
	defer look.Stop()
	for {
		after, err := useOf(l)
		if err != nil {
			return err
		}
		wrong := over(step, before, after)
		if wrong == nil {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return wrong
		}
	}
}

func over(step string, before, after use) error {
	bound := func(what string, grown, most int) error {
		if grown <= most {
			return nil
		}
		return suite.Brokenf(fmt.Sprintf("%s %d times", step, calls), fmt.Sprintf("at most %d more %s", most, what), "%d", grown)
	}
	return errors.Join(
		bound("goroutines in one place", grown(before.stacks, after.stacks), spareGoroutines),
		bound("open files", after.files-before.files, spareFiles),
		bound("kilobytes of memory", after.kilobytes-before.kilobytes, spareKilobytes),
	)
}

var callsLeaveNothing = suite.Case{
	ID: "load/calls-leave-nothing", Requirement: "PC-CONC-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Sim: true, Slow: true, Alone: true, Timeout: time.Minute,
	Rule: "Calls without number leave no goroutine, no open file and no memory behind for each.", Why: leakWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		payments, err := opened(ctx, l, 1, sdk.CaptureManual)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrBlocked, err)
		}
		remote := l.Process // what is not put on tape
		req := sdk.FindPaymentRequest{Call: suite.Reading(payments[0].Request.Call), Order: payments[0].Result.Order}
		return grows(ctx, l, "looking up", func(ctx context.Context) error {
			if _, err := remote.FindPayment(ctx, req); err != nil {
				return fmt.Errorf("looking up: %w", err)
			}
			return nil
		})
	},
}

var cancelledLeaveNothing = suite.Case{
	ID: "load/cancelled-calls-leave-nothing", Requirement: "PC-CONC-006", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment},
	Sim: true, Slow: true, Alone: true, Timeout: time.Minute,
	Rule: "Calls that are cancelled while the provider is silent leave no goroutine, no connection and no memory behind for each.", Why: leakWhy,
	Run: func(ctx context.Context, l *suite.Lane) error {
		if err := l.Break(proxy.Fault{What: proxy.Hang}); err != nil {
			return err
		}
		remote, call := l.Process, suite.Reading(l.NewCall())
		err := grows(ctx, l, "cancelling", func(ctx context.Context) error {
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			if _, err := remote.FindPayment(short, sdk.FindPaymentRequest{Call: call, Order: l.Fixtures().Order}); err == nil {
				return fmt.Errorf("%w: a provider that is silent found something", suite.ErrBlocked)
			}
			return nil
		})
		if err == nil {
			err = silent(ctx, l)
		}
		return errors.Join(err, l.Heal())
	},
}

// silent checks that no connection is in use any more.
func silent(ctx context.Context, l *suite.Lane) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	if err := l.Proxy.Settle(ctx); err != nil {
		return suite.Brokenf("after the calls", "no connection in use", "%v", err)
	}
	return nil
}

var connectionsReused = suite.Case{
	ID: "load/connections-are-reused", Requirement: "PC-CONC-007", Profile: suite.Core, Needs: []sdk.Operation{sdk.OpAuthorize, sdk.OpFindPayment}, Sim: true,
	Rule: "Calls one after the other share connections to the provider.",
	Why:  "A connection for each call costs a handshake at every payment, and the machine's ports on a busy day.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		payments, err := opened(ctx, l, 1, sdk.CaptureManual)
		if err != nil {
			return fmt.Errorf("%w: %w", suite.ErrBlocked, err)
		}
		mark := l.Mark()
		const n = 20
		for range n {
			if _, err := payments[0].Find(ctx); err != nil {
				return err
			}
		}
		if record := l.Since(mark); record.Connections > n/4 {
			return suite.Brokenf(fmt.Sprintf("looking up %d times", n), fmt.Sprintf("at most %d connections", n/4), "%d", record.Connections)
		}
		return nil
	},
}
