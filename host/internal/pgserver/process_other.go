//go:build !linux

package pgserver

import "syscall"

// dieWithUs does nothing here: a server whose parent was killed has to be stopped by
// hand.
func dieWithUs(*syscall.SysProcAttr) {}

// childrenOf returns none: here a killed server's processes notice by themselves.
func childrenOf(int) ([]int, error) { return nil, nil }

func alive(int) bool { return false }

func moves(int) bool { return false }
