// Package link holds what package serve and package launch must agree on before
// they can talk: how a connector knows that a host started it, how it learns that
// the host is gone, and what a log record looks like on the way.
//
// It names things and does nothing. What it names is a contract with connectors
// that are already built, in any language: add to it, change nothing.
package link

import (
	"github.com/hashicorp/go-plugin"

	"github.com/connectorhost/connectorhost/sdk"
)

// Plugin is the name under which the one service of a connector is dispensed.
const Plugin = "connector"

// The variables that a host sets beside those of go-plugin.
const (
	// CookieKey and CookieValue tell a connector that a host started it. They are no
	// secret and protect nothing.
	CookieKey   = "CONNECTOR_PLUGIN"
	CookieValue = "c9f1b7d2-connector"

	// LifelineKey set to LifelineStdin promises that standard input is a pipe on which
	// nothing is ever sent and which closes when the host is gone. Without it standard
	// input belongs to somebody else and must not be read.
	LifelineKey   = "CONNECTOR_LIFELINE"
	LifelineStdin = "stdin"

	// EgressKey is where to find the socket of the host's gate: an HTTP proxy that knows
	// CONNECT and nothing else. Where it is set there is no other way out.
	EgressKey = "CONNECTOR_EGRESS"

	// ClientCertKey is where go-plugin puts the host's certificate. A connector that
	// does not find it has no authenticated peer and must not serve.
	ClientCertKey = "PLUGIN_CLIENT_CERT"
)

// The keys of a log record: one JSON object on one line of standard error. What the
// author logged is inside Attrs, so that it cannot pose as any of the others.
const (
	LogTime      = "time"  // RFC 3339
	LogLevel     = "level" // as slog writes it: DEBUG, INFO, WARN, ERROR, with an offset such as WARN+1
	LogMessage   = "msg"
	LogPayment   = "payment_id"
	LogOperation = "operation_id"
	LogAccount   = "account"
	LogAttrs     = "attrs"
)

// Versions are the contract versions that this module speaks; go-plugin negotiates
// the newest that both sides know.
func Versions() []int { return []int{sdk.ContractVersion} }

// Handshake is go-plugin's name for the cookie. The protocol version in it is not
// used, because both sides give their sets by version.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{MagicCookieKey: CookieKey, MagicCookieValue: CookieValue}
}
