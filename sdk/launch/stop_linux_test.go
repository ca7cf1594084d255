package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// slack is what a busy machine may add to a bound. It is not part of the promise.
const slack = 10 * time.Second

// stopsWithin fails the test if Stop does not come back in its time.
func stopsWithin(ctx context.Context, t *testing.T, p *Plugin, bound time.Duration) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- p.Stop(ctx) }()
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("Stop: %v", err)
		}
	case <-time.After(bound + slack):
		t.Fatalf("Stop did not return within %v", bound)
	}
}

// freeze stops a process and waits until all of it stands still.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every thread is stopped", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("no threads: %v", err)
		}
		return !slices.ContainsFunc(threads, func(thread string) bool {
			stat, err := os.ReadFile(thread)
			return err == nil && !strings.Contains(string(stat), ") T ")
		})
	})
}

func TestStopOfAStoppedProcessWithAGrandchild(t *testing.T) {
	c := config(t, "connector")
	p := start(t, c)
	grandchild, err := strconv.Atoi(mustVoid(t, p, "family").Provider.Message)
	if err != nil || !alive(grandchild) {
		t.Fatalf("no grandchild: %v", err)
	}
	freeze(t, p.PID())
	stopsWithin(context.Background(), t, p, c.StopTimeout)
	eventually(t, "the grandchild is dead", func() bool { return !alive(grandchild) })
	if exit := p.Exit(); exit.Signal != syscall.SIGKILL || !exit.Stopped {
		t.Errorf("exit %+v, want killed on request", exit)
	}
}

func TestStopWithAGrandchildThatHoldsThePipes(t *testing.T) {
	c := config(t, "connector")
	p := start(t, c)
	grandchild, err := strconv.Atoi(mustVoid(t, p, "family").Provider.Message)
	if err != nil {
		t.Fatal(err)
	}
	stopsWithin(context.Background(), t, p, c.StopTimeout)
	eventually(t, "the grandchild is dead", func() bool { return !alive(grandchild) })
	if exit := p.Exit(); exit.Code != 0 {
		t.Errorf("%v, want a clean exit: the connector itself was healthy", exit)
	}
}

func TestStopOfAnImpatientCaller(t *testing.T) {
	c := config(t, "connector")
	c.StopTimeout = patience
	p := start(t, c)
	freeze(t, p.PID())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopsWithin(ctx, t, p, time.Second)
}

func TestStopOfAConnectorThatDoesNotListen(t *testing.T) {
	tests := map[string]struct {
		role   string
		signal os.Signal
		code   int
	}{
		"to anything":                        {"stubborn", syscall.SIGKILL, -1},
		"to anything but its standard input": {"hears the lifeline", nil, 5},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := config(t, tt.role)
			p := start(t, c)
			mustVoid(t, p, "ok")
			stopsWithin(context.Background(), t, p, c.StopTimeout)
			if exit := p.Exit(); exit.Signal != tt.signal || exit.Code != tt.code {
				t.Errorf("exit %+v, want signal %v and code %d", exit, tt.signal, tt.code)
			}
		})
	}
}

// A descendant that left the group survives, as promised; it must not make a dead
// connector look alive by holding its pipes and sockets.
func TestRunawayDescendantHoldsNobody(t *testing.T) {
	book := newLogbook()
	c := config(t, "connector")
	c.Logger = book.logger()
	p := start(t, c)
	runaway, err := strconv.Atoi(mustVoid(t, p, "runaway").Provider.Message)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(runaway, syscall.SIGKILL) })
	answered := make(chan error, 1)
	go func() {
		_, err := void(context.Background(), p, "hang")
		answered <- err
	}()
	book.wait(t, "hanging")
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	done(t, p)
	select {
	case err := <-answered:
		if got := sdk.AsError(err); err == nil || got.Code != sdk.CodePluginCrash {
			t.Errorf("the call gives %v, want %s", err, sdk.CodePluginCrash)
		}
	case <-time.After(patience):
		t.Fatal("the call is still waiting for a process that is dead")
	}
	stopsWithin(context.Background(), t, p, c.StopTimeout)
	if !alive(runaway) {
		t.Error("the runaway is dead: the package's documentation can promise more")
	}
}

// go-plugin waits for the connection without a bound; that a connector is dead must
// end it even if somebody out of reach holds the other end.
func TestStartIsNotHeldByARunaway(t *testing.T) {
	book := newLogbook()
	c := config(t, "never opens its door")
	c.Logger = book.logger()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := Start(ctx, c)
		ended <- err
	}()
	var runaway int
	eventually(t, "the runaway has started", func() bool {
		for _, entry := range book.all() {
			if n, err := fmt.Sscanf(fmt.Sprint(entry["@message"]), "runaway %d", &runaway); n == 1 && err == nil {
				return true
			}
		}
		return false
	})
	t.Cleanup(func() { syscall.Kill(runaway, syscall.SIGKILL) })
	cancel()
	select {
	case err := <-ended:
		failed, ok := errors.AsType[*StartError](err)
		if !ok || failed.Reason != ReasonCanceled || strings.Contains(err.Error(), "still there") {
			t.Errorf("Start = %v, want %s and nothing left", err, ReasonCanceled)
		}
	case <-time.After(patience):
		t.Fatal("Start did not come back")
	}
}

func TestStopCutsACallThatNeverEnds(t *testing.T) {
	c := config(t, "connector")
	book := newLogbook()
	c.Logger = book.logger()
	p := start(t, c)
	hung := make(chan error, 1)
	go func() {
		_, err := void(context.Background(), p, "hang")
		hung <- err
	}()
	book.wait(t, "hanging")
	stopsWithin(context.Background(), t, p, c.StopTimeout)
	select {
	case err := <-hung:
		if got := sdk.AsError(err); err == nil || got.Outcome() != sdk.OutcomeUnknown {
			t.Errorf("a call that was cut gives %v, want it in doubt", err)
		}
	case <-time.After(patience):
		t.Fatal("the call is still waiting for a process that is gone")
	}
}

func TestStopTwiceAtOnceAndAgain(t *testing.T) {
	p := start(t, config(t, "connector"))
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() { stop(t, p) })
	}
	callers.Wait()
	stop(t, p)
}

func TestKilledDuringACall(t *testing.T) {
	book := newLogbook()
	c := config(t, "connector")
	c.Logger = book.logger()
	p := start(t, c)
	answered := make(chan error, 1)
	go func() {
		_, err := void(context.Background(), p, "hang")
		answered <- err
	}()
	book.wait(t, "hanging")
	if err := syscall.Kill(p.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-answered:
		if got := sdk.AsError(err); err == nil || got.Code != sdk.CodePluginCrash || got.Outcome() != sdk.OutcomeUnknown {
			t.Errorf("the call gives %v, want %s and in doubt", err, sdk.CodePluginCrash)
		}
	case <-time.After(patience):
		t.Fatal("the call is still waiting for a process that is dead")
	}
	if exit := done(t, p); exit.Signal != syscall.SIGKILL || exit.Stopped {
		t.Errorf("exit %+v, want killed and not asked for", exit)
	}
	_, err := void(t.Context(), p, "ok")
	if got := sdk.AsError(err); err == nil || got.Outcome() != sdk.OutcomeNotAttempted {
		t.Errorf("a call after the crash gives %v, want it not attempted", err)
	}
	stop(t, p)
}

func TestCrashTellsWhy(t *testing.T) {
	tests := map[string]struct {
		command string
		code    int
		says    string
	}{
		"a panic outside any call": {"crash", 2, "panic: the stage collapsed"},
		"an exit":                  {"exit", 3, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := start(t, config(t, "connector"))
			_, err := void(t.Context(), p, tt.command)
			if got := sdk.AsError(err); err == nil || got.Code != sdk.CodePluginCrash {
				t.Errorf("the call gives %v, want %s", err, sdk.CodePluginCrash)
			}
			exit := done(t, p)
			if exit.Code != tt.code || exit.Signal != nil || exit.Stopped {
				t.Errorf("exit %+v, want code %d and not asked for", exit, tt.code)
			}
			if !strings.Contains(strings.Join(exit.LastLines, "\n"), tt.says) {
				t.Errorf("last lines %q, want %q among them", exit.LastLines, tt.says)
			}
		})
	}
}

// A connector that nobody stops after it crashed must not leave anything either.
func TestCrashCleansUpByItself(t *testing.T) {
	p := start(t, config(t, "connector"))
	_, _ = void(t.Context(), p, "exit")
	done(t, p)
	select {
	case <-p.instance.gone:
	case <-time.After(patience):
		t.Fatal("nobody cleaned up")
	}
	if _, err := os.Stat(p.instance.dir.Path()); !os.IsNotExist(err) {
		t.Errorf("its directory: %v, want it gone", err)
	}
}

// usage counts what a leak would make grow.
type usage struct{ goroutines, files, sockets, children int }

func used(t *testing.T, dir string) usage {
	t.Helper()
	var u usage
	u.goroutines = runtime.NumGoroutine()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	u.files = len(files)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	u.sockets = len(entries)
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		children, err := os.ReadFile(task)
		if err == nil { // the thread may have ended meanwhile
			u.children += len(strings.Fields(string(children)))
		}
	}
	return u
}

func TestCyclesLeaveNothing(t *testing.T) {
	c := config(t, "connector")
	cycle := func(i int) {
		p, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if i%5 == 4 { // a crash that nobody cleans up after
			_, _ = void(t.Context(), p, "exit")
			<-p.Done()
			<-p.instance.gone
			return
		}
		mustVoid(t, p, "ok")
		stop(t, p)
	}
	cycle(0) // what the runtime keeps for ever, it has now
	before := used(t, c.RuntimeDir)
	for i := range 50 {
		cycle(i)
	}
	var after usage
	eventually(t, fmt.Sprintf("usage is back to %+v", before), func() bool {
		after = used(t, c.RuntimeDir)
		return after.goroutines <= before.goroutines && after.files <= before.files && after.sockets == 0 && after.children == 0
	})
}
