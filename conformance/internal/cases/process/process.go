// Package process holds the cases about a connector's process: how it is started and
// ends, what it says, where it goes and what it leaves behind. Some of them are its host
// themselves, down to the pipes.
package process

import "github.com/connectorhost/connectorhost/conformance/internal/suite"

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		byHandIsNoService, byHandSaysWhatItIs, foreignVersionIsNotSpoken, handshakeIsAlone, needsCertificate, strangersAreNotServed,
		secondServesToo, stopIsOrderly, underWayIsFinished, diesWithHost, leavesNoChild, leavesNoFile, killedIsForgotten,
		outputIsQuiet, namesNobodyAtLoad, goesOnlyWhereDeclared, dropsWhatItHolds, sameRequestTwice,
	}
}
