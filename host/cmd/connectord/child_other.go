//go:build !linux

package main

import "os/exec"

// startTied starts cmd. Outside Linux nothing ends it when this process is killed.
func startTied(cmd *exec.Cmd) (<-chan error, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return ended, nil
}
