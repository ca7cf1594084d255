package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain is the program itself where a test asks for it as a process.
func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv("SANDBOX_ARGS"); ok {
		os.Exit(run(context.Background(), strings.Fields(args), os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// started is a program that has printed its first line.
type started struct {
	line string
	stop func() (code int, stderr string)
}

func start(t *testing.T, args ...string) started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	var stderr bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, args, writer, &stderr)
		_ = writer.Close()
	}()
	line, err := bufio.NewReader(reader).ReadString('\n')
	if err != nil {
		t.Fatalf("no first line: %v; %s", err, stderr.String())
	}
	return started{line: strings.TrimSpace(line), stop: func() (int, string) {
		cancel()
		select {
		case c := <-code:
			return c, stderr.String()
		case <-time.After(2 * stopWithin):
			t.Fatal("the program does not stop")
			return 0, ""
		}
	}}
}

func get(t *testing.T, address string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestTheProgramServesAndStops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ready.json")
	p := start(t, "--ready-file", file, "--output", "json", "--seed", "7", "--keys", "sk_test_one")
	var printed, written ready
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for source, into := range map[string]*ready{p.line: &printed, string(text): &written} {
		if err := json.Unmarshal([]byte(source), into); err != nil {
			t.Fatalf("%q: %v", source, err)
		}
	}
	if printed != written || printed.PID != os.Getpid() || strings.HasSuffix(printed.URL, ":0") {
		t.Errorf("printed %+v, wrote %+v", printed, written)
	}
	if status, body := get(t, printed.SimURL); status != 200 || !strings.Contains(body, `"protocol":"conformance.sim/v1"`) {
		t.Errorf("%s: %d %s", printed.SimURL, status, body)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("ready file %v, %v", info.Mode(), err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
	for key, want := range map[string]int{"sk_test_one": 200, "sk_test_two": 401} {
		if status, body := get(t, printed.URL+"/v1/orders", "Authorization", "Basic "+key); status != want {
			t.Errorf("%s: %d %s", key, status, body)
		}
	}
	if status, _ := get(t, printed.URL+"/_sandbox/healthz"); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	if code, stderr := p.stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestTheAddressPrintedForPeople(t *testing.T) {
	p := start(t)
	if !strings.Contains(p.line, "no money moves") || !strings.Contains(p.line, "http://127.0.0.1:") {
		t.Errorf("printed %q", p.line)
	}
	if code, stderr := p.stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestTheProgramServesHTTPS(t *testing.T) {
	far := httptest.NewUnstartedServer(nil) // only for the certificate that comes with it
	far.StartTLS()
	pair := far.TLS.Certificates[0]
	far.Close()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]*pem.Block{"c": {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, "k": {Type: "PRIVATE KEY", Bytes: key}}
	for name, block := range files {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := start(t, "--tls-cert", filepath.Join(dir, "c"), "--tls-key", filepath.Join(dir, "k"), "--output", "json")
	var printed ready
	if err := json.Unmarshal([]byte(p.line), &printed); err != nil || !strings.HasPrefix(printed.URL, "https://") {
		t.Fatalf("printed %s, %v", p.line, err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(far.Certificate())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, printed.URL+"/_sandbox/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != 200 {
		t.Errorf("%s over %s", res.Status, res.Proto)
	}
	transport.CloseIdleConnections()
	if code, stderr := p.stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// TestTheBooksOutliveAKill runs the program as a process of its own, ends it
// without warning, and finds what it was told before.
func TestTheBooksOutliveAKill(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	life := func(fn func(url string)) {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "SANDBOX_ARGS=--output json --state "+state)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		var printed ready
		if err == nil {
			err = json.Unmarshal([]byte(line), &printed)
		}
		if err != nil {
			t.Fatalf("printed %q: %v", line, err)
		}
		fn(printed.URL)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed, and says so
	}
	var id string
	life(func(url string) {
		body := `{"name":"春","discountType":"amount","discountAmount":5,"currency":"JPY"}`
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/coupons", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Basic sk_test_one")
		transport := &http.Transport{DisableKeepAlives: true}
		res, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		var coupon struct{ ID string }
		if err := json.NewDecoder(res.Body).Decode(&coupon); err != nil {
			t.Fatal(err)
		}
		id = coupon.ID
	})
	for range 2 {
		life(func(url string) {
			status, body := get(t, url+"/v1/coupons/"+id, "Authorization", "Basic sk_test_one")
			if status != 200 || !strings.Contains(body, `"name":"春"`) {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestWrongCommandLines(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none", "ready.json")
	for name, tt := range map[string]struct {
		args []string
		code int
		says string
	}{
		"help":              {[]string{"--help"}, 0, "--ready-file"},
		"an unknown flag":   {[]string{"--nope"}, 2, "--nope"},
		"an unknown output": {[]string{"--output", "xml"}, 2, "--output"},
		"half a TLS":        {[]string{"--tls-cert", "x"}, 2, "go together"},
		"no certificate":    {[]string{"--tls-cert", missing, "--tls-key", missing}, 1, "none"},
		"a bad address":     {[]string{"--listen", "nowhere:1:2"}, 1, "nowhere"},
		"nowhere to keep":   {[]string{"--state", missing}, 1, "none"},
		"nowhere to write":  {[]string{"--ready-file", missing}, 1, "ready file"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), tt.args, &stdout, &stderr); code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if all := stdout.String() + stderr.String(); !strings.Contains(all, tt.says) {
				t.Errorf("says %q, want it to name %q", all, tt.says)
			}
		})
	}
}
