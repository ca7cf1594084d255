// Package conformance says who may call themselves a connector.
//
// It starts a plugin binary exactly as a host does, holds it to the contract of
// package sdk, and reports what it found. It never imports the host: a verdict must
// not depend on who issued the invitation. A case that cannot fail is not a case.
package conformance
