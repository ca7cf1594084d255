//go:build unix

package host_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/host"
)

func quiet() hclog.Logger { return hclog.New(&hclog.LoggerOptions{Output: io.Discard}) }

func TestWrongSettingsAreAllNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		config host.Config
		says   []string
	}{
		"mode":                 {host.Config{Mode: "prod"}, []string{`"prod"`, "test or live"}},
		"public URL, no host":  {host.Config{PublicURL: "pay.example.com"}, []string{"public-url", "https://pay.example.com"}},
		"public URL, a slash":  {host.Config{PublicURL: "https://pay.example.com/"}, []string{"public-url"}},
		"public URL, a query":  {host.Config{PublicURL: "https://pay.example.com?x=1"}, []string{"public-url"}},
		"public URL, a scheme": {host.Config{PublicURL: "ftp://pay.example.com"}, []string{"public-url"}},
		"three at once":        {host.Config{CallTimeout: -1, Sweep: -1, Mode: "x"}, []string{"call-timeout", "sweep", "environment"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.DataDir = filepath.Join(t.TempDir(), "data")
			_, err := host.New(t.Context(), tt.config)
			if err == nil {
				t.Fatal("no error")
			}
			for _, text := range tt.says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("says %q, want %q in it", err, text)
				}
			}
			if _, err := os.Stat(tt.config.DataDir); err == nil {
				t.Error("a wrong setting left a data directory behind")
			}
		})
	}
}

func TestAHostThatCannotBeMadeLeavesNothingTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		config host.Config
		says   string
	}{
		"merchants' address taken": {host.Config{Listen: taken.Addr().String()}, "merchants' listener"},
		"operators' address taken": {host.Config{AdminListen: taken.Addr().String()}, "operators' listener"},
	} {
		tt.config.DataDir, tt.config.Log = dir, quiet()
		if _, err := host.New(t.Context(), tt.config); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h, err := host.New(t.Context(), host.Config{DataDir: dir, Log: quiet()})
	if err != nil {
		t.Fatalf("the data directory is still taken: %v", err)
	}
	if _, err := host.New(t.Context(), host.Config{DataDir: dir, Log: quiet()}); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("a second host: %v", err)
	}
	for range 2 {
		if err := h.Close(t.Context()); err != nil {
			t.Errorf("closing: %v", err)
		}
	}
}

func TestAnUnreadableTokenOrKeyIsAnErrorAndNotANewOne(t *testing.T) {
	for _, file := range []string{"admin.token", "master.key"} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, file), 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := host.New(t.Context(), host.Config{DataDir: dir, Log: quiet()}); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestTheTokenStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	var links []string
	for range 2 {
		h, err := host.New(t.Context(), host.Config{DataDir: dir, Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		_, token, _ := strings.Cut(h.ConsoleLink(), "token=")
		links = append(links, token)
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if links[0] != links[1] || len(links[0]) < 26 {
		t.Errorf("tokens are %d and %d characters and equal: %v", len(links[0]), len(links[1]), links[0] == links[1])
	}
}

func TestAHostThatIsNotReadyStops(t *testing.T) {
	h, err := host.New(t.Context(), host.Config{DataDir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the ready file cannot be written")
	if err := h.Run(t.Context(), func() error { return broken }); !errors.Is(err, broken) {
		t.Errorf("it ended with %v", err)
	}
}

func TestAHostEndsWithItsContext(t *testing.T) {
	h, err := host.New(t.Context(), host.Config{DataDir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	if err := h.Run(ctx, func() error { cancel(); return nil }); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %s", took)
	}
}
