//go:build unix

package supervise_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

// viceSpeaks and a range, "MIN-MAX", is a connector of those contract versions: of the
// past, of the future, or of both.
const viceSpeaks = "speaks contract "

func rangeOf(text string) (r sdk.ContractRange) {
	if _, err := fmt.Sscanf(text, "%d-%d", &r.Min, &r.Max); err != nil {
		panic(err)
	}
	return r
}

// speak chooses a version as go-plugin does: the highest that the host offers too, or,
// where there is none, the highest of its own, for the host to refuse. It returns if
// that is the version that this SDK serves.
func speak(text string) {
	r := rangeOf(text)
	chosen := r.Max
	for v := r.Max; v >= r.Min; v-- {
		if slices.Contains(strings.Split(os.Getenv("PLUGIN_PROTOCOL_VERSIONS"), ","), strconv.Itoa(v)) {
			chosen = v
			break
		}
	}
	if chosen != sdk.ContractVersion {
		greet(1, chosen)
	}
}

// greet shakes hands in versions of its own and waits for what never comes.
func greet(core, contract int) {
	fmt.Fprintf(os.Stdout, "%d|%d|unix|%s/plugin1|grpc|\n", core, contract, os.Getenv("PLUGIN_UNIX_SOCKET_DIR"))
	select {}
}

// oldKey names a directory of connectors that earlier versions of the SDK made.
const oldKey = "OLD_CONNECTORS"

// Connectors of every contract version meet this host: each serves, or is refused with
// the word for it, when it is installed and when it is swapped to.
//
// There is no older release of the contract yet, so that the past and the future are
// played by this program. When [sdk.ContractVersion] is raised, the rows move with it;
// from then on CI also builds plugin-smartpay and the reference connector from the tag
// of every release before, and names the directory of the programs in OLD_CONNECTORS.
func TestContractVersionsMeet(t *testing.T) {
	const n = sdk.ContractVersion
	before := max(n-1, 1) // before the first there was none that could be shared
	h := newHost(t)
	good := h.install("1.0.0")
	h.activate(good)
	pid := h.Status().PID
	tests := map[string]struct {
		min, max int
		fault    supervise.Fault
	}{
		"the one before":           {n - 1, n - 1, supervise.FaultContract},
		"the one before and this":  {before, n, ""},
		"this":                     {n, n, ""},
		"this and the next":        {n, n + 1, ""},
		"the ones around and this": {before, n + 1, ""},
		"the next":                 {n + 1, n + 1, supervise.FaultContract},
		"the next two":             {n + 1, n + 2, supervise.FaultContract},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h.vice.Store(fmt.Sprintf("%s%d-%d", viceSpeaks, tt.min, tt.max))
			version := fmt.Sprintf("2.%d.%d", tt.min, tt.max)
			r, err := h.fleet.Install(t.Context(), build(t, version))
			if got := supervise.FaultOf(err); got != tt.fault || (err == nil) != (tt.fault == "") {
				t.Fatalf("Install = %v (%s), want %q", err, got, tt.fault)
			}
			if tt.fault != "" {
				if !strings.Contains(err.Error(), strconv.Itoa(n)) || !strings.Contains(err.Error(), strconv.Itoa(tt.max)) {
					t.Errorf("%v does not name both versions", err)
				}
				r = good // but for the program: it was installed by a host of its own time
				r.Version, r.Path = version, build(t, version)
				r.Digest = digestOf(t, r.Path)
			}
			_, err = h.Swap(t.Context(), r, supervise.SwapOptions{})
			if got := supervise.FaultOf(err); got != tt.fault || (err == nil) != (tt.fault == "") {
				t.Errorf("Swap = %v (%s), want %q", err, got, tt.fault)
			}
			if callErr := h.call(); callErr != nil {
				t.Errorf("a call: %v", callErr)
			}
			if refused := h.Status().PID == pid; refused != (tt.fault != "") {
				t.Errorf("process %d serves, it was %d", h.Status().PID, pid)
			}
			pid = h.Status().PID
		})
	}
}

// Programs that shake hands as nobody does today are refused with a word, too.
func TestHandshakesOfOtherTimes(t *testing.T) {
	h := newHost(t)
	tests := map[string]struct {
		vice  string
		fault supervise.Fault
	}{
		"of a go-plugin to come": {viceCore, supervise.FaultHandshake},
		"of no SDK of ours":      {viceContract, supervise.FaultContract},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h.vice.Store(tt.vice)
			if _, err := h.fleet.Install(t.Context(), build(t, "3.0.0")); supervise.FaultOf(err) != tt.fault {
				t.Errorf("Install = %v (%s), want %s", err, supervise.FaultOf(err), tt.fault)
			}
		})
	}
}

// Every connector that was kept from earlier releases is taken or refused with a word.
// With none kept, this release's own is the only one.
func TestConnectorsKeptFromEarlierReleases(t *testing.T) {
	kept := []string{build(t, "1.0.0")}
	if dir := os.Getenv(oldKey); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil || len(more) == 0 {
			t.Fatalf("%s=%s has no connector: %v", oldKey, dir, err)
		}
		kept = append(kept, more...)
	}
	for _, path := range kept {
		h := newHost(t)
		r, err := h.fleet.Install(t.Context(), path)
		if fault := supervise.FaultOf(err); err != nil && fault != supervise.FaultContract {
			t.Errorf("%s: %v (%s), want it taken or %s", path, err, fault, supervise.FaultContract)
		}
		if err == nil && r.Name == h.Connector() {
			h.activate(r)
		}
	}
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
