#!/bin/bash
# A SLURM cluster for tests: one machine, three pretended nodes under host names of their own, no systemd. Debian or Ubuntu, as root.
#   cluster.sh install      SLURM and munge from the distribution
#   cluster.sh up           partitions `batch` (n1-n3), `gpu` (n3, two pretended GPUs) and `transfer` (n1)
#   cluster.sh kill NODE    kill -9 of a node's slurmd, as a crash does
#   cluster.sh revive NODE  start it again
#   cluster.sh down         cancel all jobs, stop all daemons, kill what is left of jobs
# FRINGEFLOW_CLUSTER is its folder, /tmp/fringeflow-slurm by default.
set -eu
folder=${FRINGEFLOW_CLUSTER:-/tmp/fringeflow-slurm}
config=/etc/slurm/slurm.conf
mark="# Written by Fringeflow's tests/slurm/cluster.sh"

daemons() { cat "$folder"/run/*.pid 2>/dev/null || true; }

leftovers() { # processes of jobs, as without cgroups some are that SLURM lost sight of, or had no time to end
    grep -lzx SLURM_CLUSTER_NAME=fringeflow /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3 || true
}

stop() { # pids: ask, then wait until they are gone
    for pid in "$@"; do kill "$pid" 2>/dev/null || true; done
    for pid in "$@"; do
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$pid" 2>/dev/null || true
    done
}

start() { # node: its slurmd, under a host name of its own, which its jobs inherit; under this machine's in a container that allows none
    if unshare --uts true 2> /dev/null; then
        unshare --uts sh -c 'hostname "$1" && exec slurmd -N "$1"' start "$1"
    else
        slurmd -N "$1"
    fi
}

configure() {
    if [ -e $config ] && ! grep -q "$mark" $config; then
        echo "$config is there and not of these tests: this machine belongs to another cluster" >&2
        exit 1
    fi
    mkdir -p /etc/slurm "$folder"/{state,spool,log,run}
    cat > $config <<CONF
$mark
ClusterName=fringeflow
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=16827
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# No cgroups in a container: memory is looked at every second, and a job over its request is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
# A node that an administrator set down stays so; one that crashed comes back with its slurmd.
ReturnToService=1
SchedulerParameters=sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdTimeout=10
KillWait=2
# Ended jobs stay in the controller's records, which the tests read: there is no accounting database.
MinJobAge=3600
JobRequeue=1
GresTypes=gpu
NodeName=n[1-2] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[17101-17102] CPUs=2 RealMemory=16000
NodeName=n3 NodeHostname=localhost NodeAddr=127.0.0.1 Port=17103 CPUs=2 RealMemory=16000 Gres=gpu:2
PartitionName=batch Nodes=ALL Default=YES MaxTime=24:00:00 State=UP
PartitionName=gpu Nodes=n3 MaxTime=24:00:00 State=UP
PartitionName=transfer Nodes=n1 MaxTime=24:00:00 State=UP
CONF
    echo 'NodeName=n3 Name=gpu File=/dev/tty[0-1]' > /etc/slurm/gres.conf
}

case ${1:-} in
install)
    command -v slurmctld > /dev/null && command -v slurmd > /dev/null && command -v munged > /dev/null && exit 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge
    ;;
up)
    stop $(daemons) # of a cluster that nobody took down
    kill -9 $(leftovers) 2>/dev/null || true
    rm -rf "$folder"
    configure
    install -d -o munge -g munge -m 755 /run/munge
    munge -n > /dev/null 2>&1 || runuser -u munge -- /usr/sbin/munged
    slurmctld
    for node in n1 n2 n3; do start $node; done
    for _ in $(seq 150); do
        [ "$(sinfo -h -N -p batch -t idle -o %N 2>/dev/null | wc -l)" = 3 ] && exit 0
        sleep 0.2
    done
    echo "the cluster did not come up in 30 s:" >&2
    tail -n 20 "$folder/log/slurmctld.log" >&2
    exit 1
    ;;
kill)
    kill -9 "$(cat "$folder/run/slurmd.$2.pid")"
    ;;
revive)
    start "$2"
    ;;
down)
    scancel -u "$(id -un)" 2>/dev/null || true
    for _ in $(seq 75); do [ -z "$(squeue -h 2>/dev/null)" ] && break; sleep 0.2; done
    stop $(daemons)
    kill -9 $(leftovers) 2>/dev/null || true
    rm -rf "$folder" $config /etc/slurm/gres.conf
    ;;
*)
    sed -n 2,8p "$0"
    exit 2
    ;;
esac
