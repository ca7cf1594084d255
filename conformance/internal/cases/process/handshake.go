package process

import (
	"context"
	"strings"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
)

// fields of a handshake: core protocol, contract version, network, address, protocol, certificate.
const handshakeFields = 6

func handshakeOf(out string) ([]string, bool) {
	line, _, whole := strings.Cut(out, "\n")
	parts := strings.Split(strings.TrimSpace(line), "|")
	return parts, whole && len(parts) >= handshakeFields
}

// noService expects a process that was started wrongly to end by itself, with a failure,
// without saying that it serves.
func noService(ctx context.Context, h *hand, step string) error {
	if err := h.awaitEnd(ctx, step, byHandTime); err != nil {
		return err
	}
	if code := h.cmd.ProcessState.ExitCode(); code == 0 {
		return suite.Brokenf(step, "a failure", "exit code 0")
	}
	if out := h.out.String(); out != "" {
		return suite.Brokenf(step, "nothing on standard output", "%.200q", out)
	}
	return nil
}

var byHandIsNoService = suite.Case{
	ID: "handshake/by-hand", Requirement: "PC-HS-001", Profile: suite.Core, Process: true,
	Rule: "Started by hand the program ends at once with a failure, and writes nothing to standard output.",
	Why:  "A service that anybody can start serves somebody.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		h, err := byHand(l)
		if err != nil {
			return err
		}
		defer h.close()
		return noService(ctx, h, "starting it by hand")
	},
}

var byHandSaysWhatItIs = suite.Case{
	ID: "process/by-hand-says-what", Requirement: "PC-OBS-001", Profile: suite.Core, Process: true,
	Rule: "Started by hand the program says on standard error which connector in which version it is, as its manifest does.",
	Why:  "Who finds a binary on a machine at night wants to know what it is.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		h, err := byHand(l)
		if err != nil {
			return err
		}
		defer h.close()
		const step = "starting it by hand"
		if err := h.awaitEnd(ctx, step, byHandTime); err != nil {
			return err
		}
		m := l.Description.Manifest
		for _, word := range []string{m.Name, m.Version} {
			if said := h.errs.String(); !strings.Contains(said, word) {
				return suite.Brokenf(step, "it to say "+word, "%.300q", said)
			}
		}
		return nil
	},
}

var needsCertificate = suite.Case{
	ID: "handshake/certificate", Requirement: "PC-HS-004", Profile: suite.Core, Process: true,
	Rule: "Without the host's certificate it ends with a failure and does not serve.",
	Why:  "Without it anybody on the machine can take payments.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		h, err := byHand(l, cookie, lifeline, "PLUGIN_PROTOCOL_VERSIONS=1")
		if err != nil {
			return err
		}
		defer h.close()
		return noService(ctx, h, "starting it without the host's certificate")
	},
}

var foreignVersionIsNotSpoken = suite.Case{
	ID: "handshake/foreign-version", Requirement: "PC-HS-003", Profile: suite.Core, Process: true,
	Rule: "Offered only a contract version that it does not know, it does not claim to speak it.",
	Why:  "Two sides that mean different things by one word move money by accident.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		h, err := asHost(l, "9999")
		if err != nil {
			return err
		}
		defer h.close()
		const step = "offering it contract version 9999 alone"
		select {
		case <-h.out.line:
		case <-h.ended: // it has refused
			return suite.Equal(step+": ended with success", h.cmd.ProcessState.ExitCode() == 0, false)
		case <-ctx.Done():
			return suite.Brokenf(step, "a refusal or the version that it speaks", "nothing")
		}
		parts, ok := handshakeOf(h.out.String())
		if !ok {
			return suite.Brokenf(step, "a handshake", "%.200q", h.out.String())
		}
		if parts[1] == "9999" {
			return suite.Brokenf(step, "not to be spoken to in it", "%.60s", strings.Join(parts[:4], "|"))
		}
		return nil
	},
}

var handshakeIsAlone = suite.Case{
	ID: "handshake/alone", Requirement: "PC-HS-002", Profile: suite.Core, Process: true,
	Rule: "Standard output carries the handshake and nothing else, from start to end.",
	Why:  "A host reads its first line: a banner there keeps the connector from ever starting.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		h, err := asHost(l, "1")
		if err != nil {
			return err
		}
		defer h.close()
		if err := h.awaitLine(ctx); err != nil {
			return err
		}
		if err := h.life.Close(); err != nil {
			return suite.Brokenf("closing its standard input", "no error", "%v", err)
		}
		const step = "reading its standard output"
		if err := h.awaitEnd(ctx, step, orphanTime); err != nil {
			return err
		}
		out := h.out.String()
		parts, ok := handshakeOf(out)
		switch {
		case !ok:
			return suite.Brokenf(step, "a handshake", "%.200q", out)
		case parts[0] != "1" || parts[1] != "1" || parts[2] != "unix" || parts[4] != "grpc" || parts[5] == "":
			return suite.Brokenf(step, "1|1|unix|SOCKET|grpc|CERTIFICATE", "%.80s", out)
		case strings.Count(out, "\n") != 1:
			return suite.Brokenf(step, "one line", "%d lines", strings.Count(out, "\n"))
		}
		return nil
	},
}
