package servertest

import (
	"os/exec"
	"syscall"
)

// DieWithParent makes the process end even if the test binary is killed.
func DieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
