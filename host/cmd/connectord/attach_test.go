package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// A bench is a host with one connector.
type bench struct {
	attach func(context.Context) (string, error)
	states chan supervise.State
}

func (b *bench) Attach(ctx context.Context) (string, error) { return b.attach(ctx) }

func (b *bench) Connectors() []supervise.Status {
	is := supervise.Status{Connector: "mine"}
	is.State = supervise.Serving
	select {
	case is.State = <-b.states:
	default:
	}
	return []supervise.Status{is}
}

func TestAttacherWaitsUntilTheConnectorIsStartedAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	write(t, file, "first", morning)
	tries := 0
	b := &bench{attach: func(context.Context) (string, error) {
		if tries++; tries == 1 {
			write(t, file, "second", morning)
			return "", errors.New("refused:\nits manifest")
		}
		return "mine", nil
	}}
	var out bytes.Buffer
	name, err := (&attacher{host: b, file: file, out: &out}).begin(t.Context())
	if name != "mine" || err != nil || tries != 2 {
		t.Errorf("%s, %v after %d tries", name, err, tries)
	}
	want := "connectord: not attached: refused:; its manifest; correct it and start it again\nconnectord: attached to mine"
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("says %q, want %q", out.String(), want)
	}
}

// One that may not serve is not asked again and again.
func TestAttacherLeavesARefusedConnectorAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "attach.json")
	write(t, file, "first", morning)
	ctx, cancel := context.WithTimeout(t.Context(), 3*restFor)
	defer cancel()
	tries := 0
	b := &bench{attach: func(context.Context) (string, error) {
		tries++
		return "", errors.New("refused")
	}}
	if _, err := (&attacher{host: b, file: file, out: io.Discard}).begin(ctx); !errors.Is(err, context.DeadlineExceeded) || tries != 1 {
		t.Errorf("%v after %d tries, want 1", err, tries)
	}
}

func TestAttacherGivesUpWithItsHost(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{attach: func(context.Context) (string, error) {
		cancel()
		return "", context.Canceled
	}}
	var out bytes.Buffer
	if _, err := (&attacher{host: b, file: "none", out: &out}).begin(ctx); !errors.Is(err, context.Canceled) || out.Len() > 0 {
		t.Errorf("%v, says %q", err, out.String())
	}
}
