package supervise

import (
	"errors"

	"github.com/connectorhost/connectorhost/sdk/certificate"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

// A Fault says in one word, for programs, why a release does not serve. The text of an
// error is for people and may change; these words do not.
type Fault string

// The faults. With the first group the release is [ErrRefused]: it will be wrong again.
const (
	FaultConnector Fault = "wrong_connector"  // it is, or says that it is, another connector
	FaultDigest    Fault = "wrong_digest"     // its bytes are not those that were installed
	FaultContract  Fault = "wrong_contract"   // it speaks no contract version of this host's
	FaultDescribed Fault = "not_as_installed" // it describes itself otherwise than when it was installed
	FaultAdmission Fault = "not_admitted"     // the host's policy or its own schemas do not let it serve
	// FaultCertificate: its certificate does not satisfy the host's policy, or there is
	// none. [ReasonsOf] says in more words what is wrong.
	FaultCertificate Fault = "not_certified"
	FaultIsolation   Fault = "not_confined"      // a wall that the host requires around it cannot be built here
	FaultCapability  Fault = "capability_lost"   // it lacks what the release in use can do
	FaultBinary      Fault = "not_executable"    // its file cannot be opened or executed
	FaultHandshake   Fault = "no_handshake"      // it printed something else before it said where it listens
	FaultTimeout     Fault = "handshake_timeout" // it did not say in time where it listens
	FaultDescribe    Fault = "no_description"    // it did not say what it is, or not usably
	FaultEnded       Fault = "ended_at_start"    // it ended before its first call
	FaultUnhealthy   Fault = "unhealthy"         // it did not say in time that it can serve
	FaultWorse       Fault = "did_worse"         // it did worse than the release in use
	FaultHost        Fault = "host_failed"       // something of this host's failed, the journal perhaps
	FaultGivenUp     Fault = "given_up"          // who asked for it, or the host, did not want it any more
)

// A faultError is an error with its word.
type faultError struct {
	fault Fault
	err   error
}

func (e *faultError) Error() string { return e.err.Error() }
func (e *faultError) Unwrap() error { return e.err }

func faulty(f Fault, err error) error { return &faultError{f, err} }

// notAdmitted is the error of a policy, with the word for it if it has none of its own.
func notAdmitted(err error) error {
	if FaultOf(err) != "" {
		return err
	}
	return faulty(FaultAdmission, err)
}

// ReasonsOf returns the words for what is wrong with a release's certificate, if that is
// what an error is about.
func ReasonsOf(err error) []certificate.Reason {
	if e, ok := errors.AsType[*certificate.RefusedError](err); ok {
		return e.Reasons()
	}
	return nil
}

// byReason are the faults of starts that failed.
var byReason = map[launch.Reason]Fault{
	launch.ReasonBinary:    FaultBinary,
	launch.ReasonDigest:    FaultDigest,
	launch.ReasonHandshake: FaultHandshake,
	launch.ReasonExited:    FaultEnded,
	launch.ReasonTimeout:   FaultTimeout,
	launch.ReasonContract:  FaultContract,
	launch.ReasonDescribe:  FaultDescribe,
	launch.ReasonHost:      FaultHost,
	launch.ReasonCanceled:  FaultGivenUp,

	launch.ReasonConfinement: FaultIsolation,
}

// FaultOf returns the fault that an error of a command tells of; empty if it tells of
// none.
func FaultOf(err error) Fault {
	if e, ok := errors.AsType[*faultError](err); ok {
		return e.fault
	}
	if e, ok := errors.AsType[*launch.StartError](err); ok {
		return byReason[e.Reason]
	}
	if _, ok := errors.AsType[*certificate.RefusedError](err); ok {
		return FaultCertificate
	}
	switch {
	case errors.Is(err, ErrWorse):
		return FaultWorse
	case errors.Is(err, errUnrecorded):
		return FaultHost
	}
	return ""
}
