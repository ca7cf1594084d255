// Package serve makes a connector into a plugin process. It is all that a connector's
// main needs:
//
//	func main() {
//		serve.Connector(smartpay.New())
//	}
//
// # What it promises
//
//   - Only the host that started the process can call the connector: it serves on a
//     Unix socket in the host's directory, with mutual TLS, or not at all.
//   - The connector sees only requests that it can serve, and a panic in one of its
//     methods ends that call and not the process.
//   - [slog.Default] reaches the host's log with its levels and attributes, and names
//     the payment, the operation and the account of the call when it is given the
//     call's context. What is printed to os.Stdout and os.Stderr reaches it too, as
//     plain lines.
//   - The process ends when its host does. Asked to end, by SIGTERM, it lets the calls
//     that are under way finish for a moment.
//
// # What it does not do
//
// It cannot protect the handshake: nothing may write to standard output before
// [Connector] is called. It reads no configuration and no arguments.
//
// # Debugging
//
// With the variable CONNECTOR_ATTACH=FILE, which a person sets and a host never does,
// the first of these promises is another: whoever is this user on this machine can call
// the connector, on a Unix socket in a private directory, without TLS. FILE says where,
// and "connectord dev --attach FILE" takes payments with it:
//
//	CONNECTOR_ATTACH=/tmp/mine.json dlv exec ./plugin-mine
//
// The process then outlives hosts that come and go, logs in text, and ends on SIGINT or
// SIGTERM.
//
// # Connectors in other languages
//
// They do the same by hand: go-plugin's handshake for gRPC with AutoMTLS under the
// cookie CONNECTOR_PLUGIN, contract version 1, service connector.v1.Connector, socket
// in PLUGIN_UNIX_SOCKET_DIR. They exit when standard input ends, if CONNECTOR_LIFELINE
// is "stdin", and on the call /plugin.GRPCController/Shutdown. A log record is a line
// of JSON on standard error with time, level, msg, and optionally payment_id,
// operation_id, account and an object attrs.
//
// A host may leave them no network. Then CONNECTOR_EGRESS is the path of a Unix socket
// on which an HTTP proxy answers: CONNECT host:port, and what follows the answer 200 is
// the connection. In Go, [Dial] does it. The README of conformance/independent goes
// through all of this, step by step.
package serve

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// Connector serves c to the host that started this process and does not return: the
// process exits when the host is done with it, with 0, or because it could not serve,
// with 1 and a reason on standard error. Run by hand it says what it is and exits with 2.
func Connector(c sdk.Connector) { os.Exit(run(c, os.Stderr)) }

func run(c sdk.Connector, stderr *os.File) int {
	if os.Getenv(link.CookieKey) != link.CookieValue {
		if file := os.Getenv(link.AttachKey); file != "" {
			return attach(c, file, stderr)
		}
		explain(stderr, os.Args[0], c)
		return 2
	}
	slog.SetDefault(slog.New(newHandler(stderr)))
	if os.Getenv(link.ClientCertKey) == "" {
		slog.Error("the host must use AutoMTLS: its certificate is missing", "variable", link.ClientCertKey)
		return 1
	}
	// go-plugin replaces os.Stdout; without a reference the collector would close
	// descriptor 1, and the next file opened would get whatever still writes to it.
	defer runtime.KeepAlive(os.Stdout) //nolint:forbidigo // kept, not written to

	s := newServer(c)
	s.follow(os.Stdin)
	plugin.Serve(s.config(stderr))
	if !s.asked.Load() {
		return 1 // go-plugin has logged why, such as what is wrong with the manifest
	}
	return 0
}

// config is go-plugin's view of s.
func (s *server) config(stderr *os.File) *plugin.ServeConfig {
	sets := make(map[int]plugin.PluginSet)
	for _, version := range link.Versions() {
		sets[version] = plugin.PluginSet{link.Plugin: s}
	}
	return &plugin.ServeConfig{
		HandshakeConfig:  link.Handshake(),
		VersionedPlugins: sets,
		GRPCServer:       s.newGRPC,
		Logger:           hclog.New(&hclog.LoggerOptions{Output: stderr, JSONFormat: true, Level: hclog.Warn}),
	}
}

// explain tells a person what this program is.
func explain(to io.Writer, program string, c sdk.Connector) {
	name := filepath.Base(program)
	fmt.Fprintf(to, "%s is a payment connector: a program that a host starts, not one to run by hand.\n", name)
	if c != nil {
		m := c.Describe()
		var offers []string
		for _, op := range sdk.OperationsOf(c) {
			offers = append(offers, string(op))
		}
		fmt.Fprintf(to, "It is %s %s, contract version %d to %d, and offers: %s.\n",
			m.Name, m.Version, m.Contract.Min, m.Contract.Max, strings.Join(offers, ", "))
	}
	fmt.Fprintf(to, `
To take payments with it:   connectord connectors install %[1]s
To see whether it is right: conform run --plugin %[1]s --fixtures conformance.yaml
To debug it:                %[2]s=FILE dlv exec %[1]s
                            and beside it: connectord dev --attach FILE
`, program, link.AttachKey)
}
