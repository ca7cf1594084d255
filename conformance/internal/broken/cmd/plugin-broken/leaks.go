package main

import (
	"encoding/base64"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken/secrets"
	"github.com/connectorhost/connectorhost/sdk"
)

// lurk is how long the child of a mutant is there to be seen.
const lurk = 200 * time.Millisecond

// leak lets out what the mutant lets out of an authorization.
func leak(name string, req sdk.AuthorizeRequest) {
	key := req.Call.Account.Secrets["api_key"].Reveal()
	switch name {
	case secrets.LogKey:
		slog.Info("authorizing", "with", base64.StdEncoding.EncodeToString([]byte("reference:"+key)))
	case secrets.LogBuyer:
		if req.Billing != nil {
			slog.Info("authorizing", "for", req.Billing.Email)
		}
	case secrets.KeyInFile:
		// That it can be written is the walls' to decide.
		_ = os.WriteFile(filepath.Join(os.TempDir(), "last-request"), []byte(key), 0o600)
	case secrets.KeyInArgv:
		child := exec.Command("/proc/self/exe", key) //nolint:gosec,noctx // that it is told the key is the fault
		if child.Start() == nil {
			go func() { _ = child.Wait() }() // how it ended does not matter
		}
	}
}

// child is what a mutant's own child does instead of serving.
func child() {
	if len(os.Args) > 1 {
		time.Sleep(lurk)
		os.Exit(0)
	}
}
