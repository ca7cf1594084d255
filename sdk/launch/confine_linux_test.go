package launch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
	"github.com/connectorhost/connectorhost/sdk/launch/internal/confine"
	"github.com/connectorhost/connectorhost/sdk/serve"
)

// A prisoner is a connector that tries to get out: its Void does what the order says
// and answers with the error, or with what it found.
type prisoner struct{ stage }

func (p *prisoner) Void(ctx context.Context, req sdk.VoidRequest) (sdk.VoidResult, error) {
	attempt, argument, _ := strings.Cut(string(req.Order), " ")
	said, err := attempts[attempt](ctx, argument)
	if err != nil {
		said = "failed: " + err.Error()
	}
	return sdk.VoidResult{Answer: sdk.Answer{
		Outcome: sdk.OutcomeSucceeded, Provider: sdk.Provider{RequestID: "1", Message: said},
	}}, nil
}

var attempts = map[string]func(context.Context, string) (string, error){
	"read": func(_ context.Context, path string) (string, error) {
		_, err := os.ReadFile(path)
		return "read", err
	},
	"list": func(_ context.Context, path string) (string, error) {
		_, err := os.ReadDir(path)
		return "listed", err
	},
	"write": func(_ context.Context, path string) (string, error) {
		return "written", os.WriteFile(path, []byte("x"), 0o600)
	},
	"own-directory": func(context.Context, string) (string, error) {
		path := filepath.Join(os.TempDir(), "notes")
		err := os.WriteFile(path, []byte("x"), 0o600)
		if err == nil {
			_, err = os.ReadFile(path)
		}
		return "kept", errors.Join(err, os.Remove(path))
	},
	"run-own-file": func(ctx context.Context, _ string) (string, error) {
		path := filepath.Join(os.TempDir(), "tool")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // it is to be run
			return "", err
		}
		defer os.Remove(path)
		return "run", exec.CommandContext(ctx, path).Run()
	},
	"run": func(ctx context.Context, path string) (string, error) {
		return "run", exec.CommandContext(ctx, path).Run()
	},
	"dial": func(ctx context.Context, where string) (string, error) {
		network, address, _ := strings.Cut(where, " ")
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err == nil {
			err = conn.Close()
		}
		return "connected", err
	},
	"get": func(ctx context.Context, address string) (string, error) {
		transport := &http.Transport{DialContext: serve.Dial}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address, nil)
		if err != nil {
			return "", err
		}
		res, err := transport.RoundTrip(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	},
	"signal": func(_ context.Context, pid string) (string, error) {
		n, err := strconv.Atoi(pid)
		if err != nil {
			return "", err
		}
		return "signalled", unix.Kill(n, 0)
	},
	"system-call": func(_ context.Context, number string) (string, error) {
		n, err := strconv.Atoi(number)
		if err != nil {
			return "", err
		}
		if _, _, errno := unix.RawSyscall(uintptr(n), 0, 0, 0); errno != 0 {
			return "", errno
		}
		return "called", nil
	},
	"socket": func(_ context.Context, kind string) (string, error) {
		var domain, sort int
		if _, err := fmt.Sscan(kind, &domain, &sort); err != nil {
			return "", err
		}
		fd, err := unix.Socket(domain, sort|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Close(fd)
		}
		return "opened", err
	},
	"capabilities": func(context.Context, string) (string, error) {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		err := unix.Capget(&header, &data[0])
		nnp, _, _ := unix.Syscall6(unix.SYS_PRCTL, unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0)
		return fmt.Sprint(data[0].Effective|data[0].Permitted|data[1].Effective|data[1].Permitted, nnp), err
	},
	"limits": func(context.Context, string) (string, error) {
		var said string
		for _, resource := range []int{unix.RLIMIT_CORE, unix.RLIMIT_NOFILE, unix.RLIMIT_FSIZE} {
			var limit unix.Rlimit
			if err := unix.Getrlimit(resource, &limit); err != nil {
				return "", err
			}
			said += fmt.Sprint(limit.Max, " ")
		}
		return said, nil
	},
	"raise": func(context.Context, string) (string, error) {
		return "raised", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
	},
	"environment": func(_ context.Context, name string) (string, error) { return os.Getenv(name), nil },
	"runaway": func(context.Context, string) (string, error) {
		return startChild(&syscall.SysProcAttr{Setsid: true}), nil
	},
	"eat": func(context.Context, string) (string, error) {
		var eaten [][]byte
		for {
			piece, err := unix.Mmap(-1, 0, 16<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return fmt.Sprintf("%d MiB", 16*len(eaten)), err
			}
			for at := 0; at < len(piece); at += os.Getpagesize() {
				piece[at] = 1
			}
			eaten = append(eaten, piece)
		}
	},
}

// confined is a prisoner with what the test binary itself needs to run: under the race
// detector it looks at its own memory map.
func confined(t *testing.T, with Confinement, out Egress) *Plugin {
	t.Helper()
	c := config(t, "prisoner")
	with.Read = append(with.Read, "/proc/self", "/proc")
	c.Confine, c.Egress = &with, &out
	return start(t, c)
}

func try(t *testing.T, p *Plugin, attempt string) string {
	t.Helper()
	return mustVoid(t, p, attempt).Provider.Message
}

// wants names the layers that a test is about; where the system does not offer them
// there is nothing to see.
func wants(t *testing.T, p *Plugin, names ...string) bool {
	t.Helper()
	for _, name := range names {
		found := false
		for _, l := range p.Layers() {
			if l.Name != name {
				continue
			}
			found = true
			if !l.Held {
				t.Logf("not offered by this system: %s: %s", l.Name, l.Note)
				return false
			}
		}
		if !found {
			t.Fatalf("no layer %q among %v", name, p.Layers())
		}
	}
	return true
}

func TestConfinedConnectorCannotGetOut(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "host.db")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	neighbour := exec.Command("sleep", "600")
	if err := neighbour.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { neighbour.Process.Kill(); neighbour.Wait() }()

	p := confined(t, Confinement{}, Egress{})
	const permission, permitted = "permission denied", "operation not permitted"
	tests := map[string]struct{ layer, attempt, want string }{
		"reads the host's data":           {confine.Files, "read " + outside, permission},
		"lists the root":                  {confine.Files, "list /", permission},
		"reads who there is":              {confine.Files, "read /etc/passwd", permission},
		"writes beside the host's data":   {confine.Files, "write " + outside + ".new", permission},
		"changes the host's data":         {confine.Files, "write " + outside, permission},
		"writes to the system":            {confine.Files, "write /usr/lib/x", permission},
		"runs a program":                  {confine.Files, "run /bin/true", permission},
		"runs what it has written":        {confine.Files, "run-own-file", permission},
		"reads the host's environment":    {confine.Files, fmt.Sprintf("read /proc/%d/environ", os.Getpid()), permission},
		"connects by TCP":                 {confine.Network, "dial tcp " + listener.Addr().String(), permission},
		"sends by UDP":                    {confine.Network, "dial udp 127.0.0.1:53", permission},
		"opens a raw socket":              {confine.Network, fmt.Sprint("socket ", unix.AF_INET, unix.SOCK_RAW), permission},
		"asks the kernel's tables":        {confine.Network, fmt.Sprint("socket ", unix.AF_NETLINK, unix.SOCK_RAW), permission},
		"sends to local sockets":          {confine.Network, fmt.Sprint("socket ", unix.AF_UNIX, " ", unix.SOCK_DGRAM), permission},
		"opens a socket to the machine":   {confine.Network, fmt.Sprint("socket ", unix.AF_VSOCK, " ", unix.SOCK_STREAM), permission},
		"signals another process":         {confine.Neighbours, fmt.Sprint("signal ", neighbour.Process.Pid), permitted},
		"signals its host":                {confine.Neighbours, fmt.Sprint("signal ", os.Getpid()), permitted},
		"traces":                          {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_PTRACE), permitted},
		"reads memory of others":          {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_PROCESS_VM_READV), permitted},
		"goes round by io_uring":          {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_IO_URING_SETUP), permitted},
		"loads a program into the kernel": {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_BPF), permitted},
		"makes a namespace":               {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_UNSHARE), permitted},
		"mounts":                          {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_MOUNT), permitted},
		"reads the user's keys":           {confine.SystemCalls, fmt.Sprint("system-call ", unix.SYS_KEYCTL), permitted},
		"calls what nobody has looked at": {confine.SystemCalls, "system-call 100000", "function not implemented"},
		"has capabilities":                {confine.Privileges, "capabilities", "0 1"},
		"takes more than its limits":      {confine.Limits, "limits", "0 4096 67108864"},
		"raises its limits":               {confine.Limits, "raise", permitted},
		"asks for a way out":              {confine.Network, "get " + listener.Addr().String(), "refused with 403"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if !wants(t, p, tt.layer) {
				return
			}
			if said := try(t, p, tt.attempt); !strings.Contains(said, tt.want) {
				t.Errorf("%s: %q, want %q", tt.attempt, said, tt.want)
			}
		})
	}
}

// The same attempts succeed without walls: the test above proves something.
func TestUnconfinedConnectorCanDoAllThat(t *testing.T) {
	p := start(t, config(t, "prisoner"))
	for attempt, want := range map[string]string{
		"read /etc/passwd": "read", "list /": "listed", "run /bin/true": "run",
		fmt.Sprint("signal ", os.Getpid()):                        "signalled",
		fmt.Sprint("socket ", unix.AF_UNIX, " ", unix.SOCK_DGRAM): "opened",
	} {
		if said := try(t, p, attempt); said != want {
			t.Errorf("%s: %q, want %q", attempt, said, want)
		}
	}
}

func TestConfinedConnectorHasWhatItNeeds(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "shared")
	if err := os.WriteFile(shared, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := confined(t, Confinement{Read: []string{shared}, Memory: 1000 << 20}, Egress{})
	for attempt, want := range map[string]string{
		"own-directory":          "kept",
		"read " + shared:         "read",
		"list /usr/share":        "listed",
		"write /dev/null":        "written",
		"environment GOMEMLIMIT": strconv.Itoa(900 << 20),
	} {
		if said := try(t, p, attempt); said != want {
			t.Errorf("%s: %q, want %q", attempt, said, want)
		}
	}
}

// provider is a server that says hello, and where it is.
func provider(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	})}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(listener) })
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
	return listener.Addr().String()
}

func TestTheWayOutLeadsWhereItMay(t *testing.T) {
	allowed, other := provider(t), provider(t)
	var (
		mu      sync.Mutex
		refused []string
	)
	p := confined(t, Confinement{}, Egress{Allow: []string{allowed}, Refused: func(address string) {
		mu.Lock()
		defer mu.Unlock()
		refused = append(refused, address)
	}})
	if said := try(t, p, "get "+allowed); said != "hello" {
		t.Errorf("an allowed address: %q, want an answer", said)
	}
	if said := try(t, p, "get "+other); !strings.Contains(said, "refused with 403") {
		t.Errorf("another address: %q, want a refusal", said)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(refused) != 1 || refused[0] != other {
		t.Errorf("refused %v, want %v: it must be reported", refused, other)
	}
}

func TestTheWayOutGoesThroughTheHostsProxy(t *testing.T) {
	if os.Getenv("LAUNCH_TEST_PROXIED") == "" { // the environment of a process is read once
		proxy := connectProxy(t)
		self := exec.Command(selfPath(t), "-test.run", "^"+t.Name()+"$", "-test.v")
		self.Env = append(os.Environ(), "LAUNCH_TEST_PROXIED=1", "HTTPS_PROXY=http://user:pass@"+proxy)
		if out, err := self.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	p := confined(t, Confinement{}, Egress{Any: true})
	if said := try(t, p, "get provider.example:80"); said != "by way of the proxy" {
		t.Errorf("answer %q, want that of the proxy", said)
	}
}

// connectProxy is a proxy that wants a password and answers itself, wherever it is to
// connect to.
func connectProxy(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		ask, err := http.ReadRequest(in)
		if err != nil || ask.Method != http.MethodConnect || ask.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwYXNz" {
			fmt.Fprint(conn, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n\r\n")
		if _, err := http.ReadRequest(in); err == nil {
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 19\r\nConnection: close\r\n\r\nby way of the proxy")
		}
	}()
	return listener.Addr().String()
}

func TestDescendantsEndWithTheConnectorWhereverTheyWent(t *testing.T) {
	p := confined(t, Confinement{}, Egress{})
	if !wants(t, p, confine.Descendants) {
		return
	}
	pid, err := strconv.Atoi(try(t, p, "runaway"))
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the runaway never lived")
	}
	stop(t, p)
	eventually(t, "the runaway is dead", func() bool { return !alive(pid) })
}

func TestGreedyConnectorEndsAndNotItsHost(t *testing.T) {
	if raceEnabled {
		t.Log("the race detector's own maps are beyond any bound: nothing to see")
		return
	}
	p := confined(t, Confinement{Memory: 64 << 20}, Egress{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := void(ctx, p, "eat")
	if err == nil && !strings.Contains(result.Provider.Message, "cannot allocate memory") {
		t.Errorf("a connector that eats all memory: %q, want that it is stopped", result.Provider.Message)
	}
}

func TestHostIsNotConfinedWithItsConnectors(t *testing.T) {
	for range 4 {
		stop(t, confined(t, Confinement{}, Egress{}))
	}
	p := confined(t, Confinement{}, Egress{})
	var free, shut int
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		switch {
		case err != nil: // a thread that has ended
		case strings.Contains(string(status), "NoNewPrivs:\t1"):
			shut++
		default:
			free++
		}
	}
	if wants(t, p, confine.Privileges) && shut != 1 || free == 0 {
		t.Errorf("%d threads are shut in and %d are not, want the one that waits for the connector", shut, free)
	}
	if first, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/status", os.Getpid())); err != nil ||
		strings.Contains(string(first), "NoNewPrivs:\t1") {
		t.Errorf("the first thread of the host is shut in (%v)", err)
	}
}

func TestLeftBehindGroupsAreKilled(t *testing.T) {
	dir := runtimeDir(t)
	left := filepath.Join(dir, "connectorhost-7")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	s := confine.New(confine.Rules{Dir: left, Group: groupName(left)})
	fd, ok := s.CgroupFD()
	if !ok {
		t.Logf("this system has no control groups: %v", s.Layers())
		if err := os.Remove(left); err != nil {
			t.Fatal(err)
		}
		return
	}
	orphan := exec.Command("sleep", "600")
	orphan.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd, Setsid: true}
	if err := orphan.Start(); err != nil {
		t.Fatal(err)
	}
	if removed, err := CleanRuntimeDir(dir, ""); removed != 1 || err != nil {
		t.Errorf("CleanRuntimeDir = %d, %v, want 1", removed, err)
	}
	orphan.Wait() // ends only if it was killed
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestWrongConfinement(t *testing.T) {
	for name, tt := range map[string]struct {
		walls Confinement
		out   Egress
		want  string
	}{
		"a relative path":          {Confinement{Read: []string{"lib"}}, Egress{}, "want an absolute path"},
		"a wall that there is not": {Confinement{Require: []string{"moat"}}, Egress{}, "no layer is called"},
		"less than no memory":      {Confinement{Memory: -1}, Egress{}, "must not be negative"},
		"a host without a port":    {Confinement{}, Egress{Allow: []string{"api.example"}}, "want host:port"},
		"a pattern":                {Confinement{}, Egress{Allow: []string{"*.example:443"}}, "want host:port"},
		"a port that there is not": {Confinement{}, Egress{Allow: []string{"api.example:99999"}}, "no such port"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config(t, "connector")
			c.Confine, c.Egress = &tt.walls, &tt.out
			if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want it to say %q", err, tt.want)
			}
		})
	}
}

// A control group that is none cannot bound memory, on any system.
func TestRequiredWallsStandOrNothingRuns(t *testing.T) {
	c := config(t, "connector")
	c.Confine = &Confinement{Require: []string{confine.Memory}, Cgroup: t.TempDir() + "/none", Read: []string{"/proc"}}
	_, err := Start(t.Context(), c)
	failed, ok := errors.AsType[*StartError](err)
	if !ok || failed.Reason != ReasonConfinement || !strings.Contains(err.Error(), confine.Memory) {
		t.Errorf("error %v, want that memory cannot be kept in", err)
	}
	c.Confine.Require = []string{confine.Limits}
	start(t, c)
}

func TestNobodySetsTheWayOutByHand(t *testing.T) {
	c := config(t, "connector")
	c.Env = append(c.Env, link.EgressKey+"=/elsewhere")
	if _, err := Start(t.Context(), c); err == nil || !strings.Contains(err.Error(), "set by the host itself") {
		t.Errorf("error %v, want a refusal", err)
	}
}
