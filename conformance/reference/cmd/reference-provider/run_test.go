package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	file := filepath.Join(t.TempDir(), "ready.json")
	printed, stdout := io.Pipe()
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"--ready-file", file, "--seed", "7"}, stdout, io.Discard) }()
	line := make([]byte, 256)
	n, err := printed.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var said ready
	if err := json.Unmarshal(text, &said); err != nil || said.PID != os.Getpid() || said.URL != strings.TrimSpace(string(line[:n])) {
		t.Errorf("%s, %v; printed %s", text, err, line[:n])
	}
	res, err := http.Get(said.URL + "/ledger")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", res, err)
	} else {
		res.Body.Close()
	}
	if c, err := sim.Dial(t.Context(), said.SimURL); err != nil || c.Hello().Name != "reference-provider" {
		t.Errorf("%v, %v", c, err)
	}
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("ended with %d", got)
	}
}

func TestWrongCommandLines(t *testing.T) {
	tests := map[string]struct {
		args []string
		code int
		says string
	}{
		"help":               {[]string{"--help"}, 0, "visibility-delay"},
		"a flag of nobody's": {[]string{"--colour"}, 2, "--colour"},
		"open to the world":  {[]string{"--listen", "0.0.0.0:0"}, 1, "must be an address of this machine"},
		"no port":            {[]string{"--listen", "127.0.0.1"}, 1, "--listen"},
		"nowhere to write":   {[]string{"--ready-file", "/nonexistent/ready"}, 1, "/nonexistent"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(t.Context(), tt.args, &out, &out); code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("%d, %s; want %d about %q", code, out.String(), tt.code, tt.says)
			}
		})
	}
}
