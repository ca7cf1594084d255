package host

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

func bridged(level hclog.Level) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(newBridge(hclog.New(&hclog.LoggerOptions{Output: &out, Level: level, DisableTime: true}))), &out
}

func TestOneLogCarriesEveryLevel(t *testing.T) {
	log, out := bridged(hclog.Debug)
	log.Debug("d")
	log.Info("i", "n", 7)
	log.Warn("w")
	log.Error("e", "error", errors.New("it broke"))
	log.Log(t.Context(), slog.LevelDebug-1, "below debug")
	log.Log(t.Context(), slog.LevelError+1, "above error")
	want := "[DEBUG] d\n[INFO]  i: n=7\n[WARN]  w\n[ERROR] e: error=\"it broke\"\n[DEBUG] below debug\n[ERROR] above error\n"
	if out.String() != want {
		t.Errorf("the log is\n%swant\n%s", out, want)
	}
}

func TestTheLevelOfTheLogHolds(t *testing.T) {
	log, out := bridged(hclog.Warn)
	log.Info("not this")
	log.Warn("this")
	if out.String() != "[WARN]  this\n" {
		t.Errorf("the log is %q", out)
	}
	if log.Enabled(t.Context(), slog.LevelInfo) || !log.Enabled(t.Context(), slog.LevelError) {
		t.Error("Enabled says otherwise")
	}
}

func TestAttributesAndGroupsStay(t *testing.T) {
	log, out := bridged(hclog.Info)
	log.With("connector", "acme").WithGroup("call").With("id", "c1").Info("done", "took", 3)
	for _, want := range []string{"connector=acme", "call.id=c1", "call.took=3"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log lacks %s: %s", want, out)
		}
	}
}
