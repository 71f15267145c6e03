"""The features of a fork policy, the named policies, and what makes no sense together.

The holder index (``fork=unless_registered``) is a proposal that no kernel has: a registry at the address space of every
hold on a folio of the file, whoever took it and with or without FOLL_PIN. It is asked wherever other policies ask
folio_maybe_dma_pinned. Its price is a registration, and a lock shared with the forks, in every GUP and every reference
that outlives a lookup, so core mm and every holder own a part of it; what it buys is an exact answer, with no false
refusal. It would have to see derived references too, which look nothing up (tee(2), fragments of network buffers,
io_uring's cloned buffers); and who has the fast walk alone (perf, in an interrupt) cannot wait for a fork that goes on.

Eras. Faults, forks and the write-out are those of 3.19 with Tux3's patches. Each rule of a holder or of page migration
names the kernel that it follows (``kernel=``), and the docstring of its module says what differed in May 2015; the
operations `..._get` and the word `get` are the plain references of then. What later kernels changed for the file is a
value of a feature: `longterm` (v6.5), `unshare` (v6.2), `dirty_clean` (2022), `migrate_recheck` (about 4.1).
"""

from tux3nb.engine.policy import Constraint, Feature, Features, Owner

FILE_SYSTEM, BLOCK_LAYER, CORE_MM, HOLDER = "file system", "block layer", "core mm", "holder"
HOLDER_AND_MM, WITH_MM, WITH_HOLDER = (CORE_MM, HOLDER), (FILE_SYSTEM, CORE_MM), (FILE_SYSTEM, HOLDER)


def built(owners: dict[str, Owner], *others: str) -> dict[str, Owner]:
    """The owner of each value of a feature: those given, and the file system for the others."""
    return {**dict.fromkeys(others, FILE_SYSTEM), **owners}


FEATURES = Features(
    [
        Feature(
            "fork",
            "when to fork",
            built(
                {
                    "unless_refs_frozen": WITH_MM,  # migration entries, a frozen count
                    "unless_pinned_sync": WITH_MM,  # GUP-fast reads the PTE again
                    "unless_pinned_unmapped": WITH_MM,  # migration entries
                    "unless_registered": HOLDER_AND_MM,
                },
                *("never", "always", "unless_refs", "unless_pinned"),
            ),
            {
                "never": "never",
                "always": "always (Tux3)",
                "unless_refs": "unless there are extra references, counted before write-protecting",
                "unless_refs_frozen": "unless there are extra references, all PTEs unmapped and the count frozen",
                "unless_pinned": "unless pinned, tested before write-protecting",
                "unless_pinned_sync": "unless pinned, tested after write-protect and TLB flush",
                "unless_pinned_unmapped": "unless pinned, tested after all PTEs are unmapped",
                "unless_registered": "unless the holder index has a hold of the folio (heavy: every GUP and every "
                "page-cache reference registers)",
            },
            below={
                "unless_refs": ("always",),
                "unless_refs_frozen": ("unless_refs",),
                "unless_pinned": ("always",),
                "unless_pinned_sync": ("unless_pinned",),
                "unless_pinned_unmapped": ("unless_pinned_sync",),
                "unless_registered": ("unless_pinned",),
                "never": ("always",),
            },
        ),
        Feature(
            "refuse",
            "instead of a refused fork",
            FILE_SYSTEM,
            {
                "wait_writeback": "wait until the older delta is on disk",
                "wait_holder": "wait until the holder lets go",
                "in_place": "write in place",
                "reverse": "reverse fork: the copy goes to the disk",
                "wait_submitted": "wait while the folio itself is under write-out, else write in place (mainline)",
            },
            below={
                "wait_writeback": ("wait_submitted",),
                "wait_submitted": ("in_place",),
                "wait_holder": ("in_place",),
                "reverse": ("in_place",),
            },
        ),
        Feature(
            "busy",
            "reverse fork of a folio that is already in a bio",
            FILE_SYSTEM,
            {"in_place": "write in place", "wait": "wait for that I/O"},
            below={"wait": ("in_place",)},
        ),
        Feature(
            "stable_stores",
            "a store waits where the device asks for stable pages",
            FILE_SYSTEM,
            {"no": "no (tux3_page_mkwrite)", "yes": "yes (ext4, xfs, filemap_page_mkwrite)"},
            below={"yes": ("no",)},
        ),
        Feature(
            "bounce",
            "bounce copy when the flusher submits",
            FILE_SYSTEM,
            {"no": "no", "pinned": "of folios that may be pinned", "all": "of every folio"},
            below={"pinned": ("no",), "all": ("pinned",)},
        ),
        Feature(
            "redirect",
            "which PTEs are pointed at the new folio",
            WITH_MM,  # mm/rmap.c:page_cow_file
            {
                "shared": "those of VM_SHARED mappings (Tux3)",
                "mayshare": "those of VM_MAYSHARE mappings: of O_RDONLY files too",
                "all": "those of all mappings: private ones too",
            },
            below={"mayshare": ("shared",), "all": ("mayshare",)},
        ),
        Feature(
            "redirect_orig",
            "the faulting mapping's PTE is redirected too",
            WITH_MM,  # mm/rmap.c:page_cow_file
            {"no": "no, its fault does that (2015)", "yes": "yes, and it faults a second time (2014)"},
            below={"yes": ("no",)},
        ),
        Feature(
            "flush_orig",
            "TLB flush when the faulting PTE is replaced",
            CORE_MM,
            {"no": "no (Tux3)", "yes": "yes"},
            below={"yes": ("no",)},
        ),
        Feature(
            "notify_orig",
            "MMU notifier when the faulting PTE is replaced",
            CORE_MM,
            {"no": "no (Tux3)", "yes": "yes"},
            below={"yes": ("no",)},
        ),
        Feature(
            "recheck",
            "read faults check the slot again after the folio lock",
            CORE_MM,
            {"no": "no (Tux3)", "yes": "yes"},
            below={"yes": ("no",)},
        ),
        Feature(
            "optout",
            "never fork a file that is",
            FILE_SYSTEM,
            {
                "nothing": "-",
                "executable": "mapped as program text",
                "shared_writable": "mapped shared and writable",
                "mapped": "mapped",
                "ever_mapped": "mapped now or was before",
                "mapped_or_pinned": "mapped, or its folio may be pinned",
            },
            below={
                "executable": ("nothing",),
                "shared_writable": ("nothing",),
                "mapped": ("shared_writable", "executable"),
                "ever_mapped": ("mapped",),
                "mapped_or_pinned": ("mapped",),
            },
        ),
        Feature(
            "optout_atomic",
            "that is decided atomically with mmap",
            built({"yes": WITH_MM}, "no"),
            {"no": "no", "yes": "yes"},
            below={"yes": ("no",)},
        ),
        Feature(
            "bond",
            "a held page is cut off the file",
            {"ends": CORE_MM, "wait": FILE_SYSTEM, "refuse": HOLDER, "tell": WITH_HOLDER},
            {
                "ends": "the holder keeps a page that is the file's no more (every kernel's page cache)",
                "wait": "the truncation waits until nobody holds it (DAX)",
                "refuse": "the truncation is refused (VFIO inhibits discards)",
                "tell": "a long-term holder is told and lets go; a short one is waited for",
            },
            below={"wait": ("ends",), "refuse": ("ends",), "tell": ("ends",)},
        ),
        Feature(
            "evict_dirty",
            "eviction meets a folio that is dirty after the last delta",
            built({"wait_writing": WITH_MM}, "assert", "drop", "wait"),  # pins that tell who writes
            {
                "assert": "BUG (Tux3)",
                "drop": "what is in it is dropped",
                "wait": "eviction waits while it may be pinned, and writes it out",
                "wait_writing": "eviction waits while it is pinned for writing, and writes it out",
            },
            below={"drop": ("assert",), "wait": ("drop",), "wait_writing": ("wait",)},
        ),
        Feature(
            "pinfork",
            "a pin forks first",
            CORE_MM,
            {
                "no": "no",
                "slow": "the slow walk tests the delta",
                "slow_fast": "slow and fast walk test the delta",
            },
            below={"slow": ("no",), "slow_fast": ("slow",)},
        ),
        Feature(
            "pinfork_for",
            "which pins fork first",
            CORE_MM,
            {"write": "writing ones", "all": "read-only ones too"},
            below={"all": ("write",)},
        ),
        Feature(
            "redirty",
            "a pinned folio stays dirty",
            FILE_SYSTEM,
            {"no": "no", "yes": "re-dirtied in every delta while it may be pinned"},
            below={"yes": ("no",)},
        ),
        Feature(
            "lend",
            "a direct write to a device that checks what it is sent",
            BLOCK_LAYER,  # whoever sends it: the file system written to, where that does its own direct I/O
            {
                "share": "the memory is read twice, for the checksum and for the device",
                "bounce": "a copy is summed and sent (XFS v7.0; btrfs, through the page cache of the other file)",
            },
            below={"bounce": ("share",)},
        ),
        Feature(
            "longterm",
            "long-term writable pins of file folios",
            CORE_MM,
            {
                "allowed": "allowed",
                "refused": "refused (v6.5)",
                "all_refused": "refused, and those that only read, too",
            },
            below={"refused": ("allowed",), "all_refused": ("refused",)},
        ),
        Feature(
            "unshare",
            "a read-only long-term pin of private memory makes the process's copy first",
            CORE_MM,
            {"no": "no (before v6.2)", "yes": "yes (v6.2)"},
            below={"yes": ("no",)},
        ),
        Feature(
            "retranslate",
            "holders of plain references look again",
            HOLDER,
            {
                "no": "no",
                "locked": "folio lock held over the copy, slot checked again",
                "locked_stable": "the same, and never while the folio is under writeback",
            },
            below={"locked": ("no",), "locked_stable": ("locked",)},
        ),
        Feature(
            "dirty_clean",
            "dirty call on a clean live folio",
            FILE_SYSTEM,
            {
                "bug": "BUG (Tux3)",
                "lost": "accepted; dropped by the write-out if reclaim has taken the buffers (ext4 since cc5095747edf)",
                "queue": "queued to the current delta",
            },
            below={"lost": ("bug",), "queue": ("lost",)},
        ),
        Feature(
            "dirty_forked",
            "dirty call on a forked folio",
            FILE_SYSTEM,
            {
                "assert": "WARN, BUG if clean (Tux3)",
                "drop": "ignored",
                "forward_page": "whole page copied to the current folio",
                "forward_range": "the bytes that the holder wrote copied to the current folio",
            },
            below={"drop": ("assert",), "forward_page": ("drop",), "forward_range": ("forward_page",)},
        ),
        Feature(
            "enomem",
            "no memory for the copy of a fork",
            FILE_SYSTEM,
            {
                "oops": "the result is not looked at (clone_page of 18a490ba, cow_clone_page of acb71e58)",
                "refuse": "as a refused fork",
            },
            below={"refuse": ("oops",)},
        ),
        Feature(
            "warn_forked",
            "a write that meets a page forked meanwhile",
            FILE_SYSTEM,
            {"warn": "WARN_ON(1) (18a490ba)", "warn_write": "WARN_ON(vma == NULL) (489cb8dc)", "silent": "silent"},
            below={"warn_write": ("warn",), "silent": ("warn_write",)},
        ),
        Feature(
            "protect",
            "write-protect PTEs when the delta closes",
            FILE_SYSTEM,
            {"no": "no (Tux3)", "sweep": "yes, folio by folio", "barrier": "yes, before any section of the next delta"},
            below={"sweep": ("no",), "barrier": ("sweep",)},
        ),
        Feature(
            "quiesce",
            "writing holders when the delta closes",
            built({"wait": HOLDER_AND_MM, "pause": HOLDER_AND_MM}, "no"),
            {
                "no": "no",
                "wait": "the transition waits until none has a writing hold",
                "pause": "what their devices write is held back until the closed delta has its copies",
            },
            below={"wait": ("no",), "pause": ("no",)},
        ),
        Feature(
            "migrate_recheck",
            "page migration compares the slot before it stores",
            CORE_MM,
            {"no": "no (now)", "yes": "yes (about 4.1)"},
            below={"yes": ("no",)},
        ),
        Feature(
            "off",
            "mechanism switched off on purpose",
            FILE_SYSTEM,
            {
                "nothing": "-",
                "mkclean": "write-protect before the copy",
                "lock_order": "folio lock before the delta section",
                "own": "the forked folio's own reference",
                "private_copy": "uprobes' private copy of the page",
                "uprobe_retry": "uprobes' second look at the PTE",
                "accounting": "page migration's account of references",
                "reclaim_accounting": "reclaim's account of references",
                "clone_dirty": "what truncation leaves of a page stays dirty until the old folio is on disk",
                "truncate_lock": "page_mkwrite kept out of a truncation, and what fills a page again out of a punch",
                "forced_free": "eviction frees the inode's forked folios, held or not",
                "superblock": "superblock after all I/O of the delta",
                "flag_order": "PG_writeback set before PG_dirty is cleared",
                "snapshot_protect": "write-protect before the reverse fork's copy",
                "index_of_copy": "the holder index's mark on the copy",
            },
            below={
                "nothing": (
                    "mkclean",
                    "lock_order",
                    "own",
                    "private_copy",
                    "uprobe_retry",
                    "accounting",
                    "reclaim_accounting",
                    "clone_dirty",
                    "truncate_lock",
                    "forced_free",
                    "superblock",
                    "flag_order",
                    "snapshot_protect",
                    "index_of_copy",
                )
            },
            control=True,
        ),
    ],
    constraints=[
        Constraint(
            {"optout": ("nothing",), "optout_atomic": ("yes",)},
            "no file is left out (optout=nothing), so nothing is decided that could be atomic with mmap",
        ),
    ],
    name="tux3nb.model.features:FEATURES",
)

TUX3 = {
    "fork": "always",
    "refuse": "wait_writeback",
    "busy": "in_place",
    "stable_stores": "no",
    "bounce": "no",
    "redirect": "shared",
    "redirect_orig": "no",
    "flush_orig": "no",
    "notify_orig": "no",
    "recheck": "no",
    "optout": "nothing",
    "optout_atomic": "no",
    "bond": "ends",
    "evict_dirty": "assert",
    "pinfork": "no",
    "pinfork_for": "write",
    "redirty": "no",
    "lend": "share",
    "longterm": "allowed",
    "unshare": "no",
    "retranslate": "no",
    "dirty_clean": "bug",
    "dirty_forked": "assert",
    "enomem": "oops",
    "warn_forked": "warn",
    "protect": "no",
    "quiesce": "no",
    "migrate_recheck": "no",
    "off": "nothing",
}

COHERENT = {
    "redirect": "mayshare",
    "redirect_orig": "yes",
    "flush_orig": "yes",
    "notify_orig": "yes",
    "recheck": "yes",
    "warn_forked": "silent",
}

REVERSE_FORK = {
    "fork": "unless_pinned_sync",
    "refuse": "reverse",
    "busy": "wait",
    "bounce": "pinned",
    "redirty": "yes",
    "enomem": "refuse",
    "warn_forked": "silent",
}

MAINLINE = {
    "fork": "never",
    "refuse": "in_place",
    "stable_stores": "yes",
    "longterm": "refused",
    "unshare": "yes",
    "evict_dirty": "drop",  # truncate_inode_pages_final
    "dirty_clean": "lost",
    "dirty_forked": "drop",
}

COPY_FOR_DISK = {
    "fork": "never",
    "refuse": "reverse",
    "busy": "in_place",
    "bounce": "all",
    "redirty": "yes",
    "dirty_clean": "queue",
    "enomem": "refuse",
    "warn_forked": "silent",
}

PERFECT = {**REVERSE_FORK, **COHERENT, "redirect": "all", "retranslate": "locked_stable", "dirty_clean": "queue"}

PERFECT_INDEX = {
    **REVERSE_FORK,
    **COHERENT,
    "fork": "unless_registered",
    "redirect": "all",
    "dirty_clean": "queue",
    "dirty_forked": "drop",
    "protect": "barrier",
}

NAMED = {
    "tux3": ("Tux3 as posted in May 2015; holders and page migration are of the kernels that their rules name", {}),
    "mainline_6_5": (
        "Linux 6.5 and later, as ext4 and xfs use it (ext4_page_mkwrite, iomap_page_mkwrite): no fork, in place",
        MAINLINE,
    ),
    "btrfs_csum": (
        "The same where the file system checks sums (btrfs): wait while the page is under write-out",
        {**MAINLINE, "refuse": "wait_submitted", "dirty_clean": "queue"},  # btrfs_writepage_cow_fixup, 6.5
    ),
    "copy_for_disk": (
        "Never fork; every page is written out from a copy, and a pinned one stays dirty",
        COPY_FOR_DISK,
    ),
    "copy_for_disk_ordered": ("The same, with the barrier", {**COPY_FOR_DISK, "protect": "barrier"}),
    "stable_pages": (
        "Tux3 that never forks and waits for the older delta (stable pages wait for one page's I/O)",
        {"fork": "never", "stable_stores": "yes"},
    ),
    "in_place": (
        "Tux3 that never forks and writes in place (a wait only where the device asks, as Linux since 3.9)",
        {"fork": "never", "refuse": "in_place", "stable_stores": "yes"},
    ),
    "rik_wait": (
        "Refuse on an extra reference, then wait for the write-out (van Riel 2015)",
        {"fork": "unless_refs", "refuse": "wait_writeback"},
    ),
    "rik_wait_holder": (
        "Refuse on an extra reference, then wait for the holder",
        {"fork": "unless_refs", "refuse": "wait_holder"},
    ),
    "rik_in_place": (
        "Refuse on an extra reference, then write in place",
        {"fork": "unless_refs", "refuse": "in_place"},
    ),
    "migration_rule": (
        "The rule of page migration: unmap, freeze the count, refuse on any extra reference",
        {"fork": "unless_refs_frozen", "refuse": "wait_writeback"},
    ),
    "no_longterm_at_all": (
        "Tux3 on a kernel that refuses long-term pins of file pages, reading ones too",
        {"longterm": "all_refused"},
    ),
    "no_longterm": ("Tux3 on a kernel that refuses long-term pins (v6.5)", {"longterm": "refused"}),
    "tux3_6_x": (
        "Tux3 on a kernel of today: long-term pins of the file refused (v6.5), those of private memory copied (v6.2)",
        {"longterm": "refused", "unshare": "yes"},
    ),
    "reverse_fork": (
        "Fork unless pinned; a pinned folio keeps its users and the disk gets the copy",
        REVERSE_FORK,
    ),
    "reverse_fork_holders": (
        "Reverse fork, and holders of plain references look again under the folio lock",
        {**REVERSE_FORK, "retranslate": "locked_stable", "dirty_clean": "queue"},
    ),
    "tux3_coherent": (
        "Tux3 with all shared mappings redirected, flushed and notified, and read faults that look again",
        COHERENT,
    ),
    "perfect": ("Reverse fork, holders that look again, and every CPU path followed", PERFECT),
    "holder_index": (
        "A registry of all holds (a proposal): a held folio keeps its users and the disk gets the copy",
        {**REVERSE_FORK, "fork": "unless_registered"},
    ),
    "holder_index_wait": (
        "A registry of all holds, then wait for the write-out",
        {"fork": "unless_registered", "refuse": "wait_writeback"},
    ),
    "holder_index_in_place": (
        "A registry of all holds, then write in place",
        {"fork": "unless_registered", "refuse": "in_place"},
    ),
    "perfect_index": (
        "The perfect one with a registry of all holds, the barrier, and late dirty calls ignored",
        PERFECT_INDEX,
    ),
    "quiesced": (
        "The same, and what devices write is held back while a delta takes its copies",
        {**PERFECT_INDEX, "quiesce": "pause"},
    ),
    "quiesced_wait": (
        "The same, but a delta closes only when nobody holds a page for writing",
        {**PERFECT_INDEX, "quiesce": "wait"},
    ),
    "cowardly": ("Never fork a file that is mapped (Phillips 2015)", {"optout": "mapped"}),
    "cowardly_writable": ("Never fork a file that is mapped shared and writable", {"optout": "shared_writable"}),
    "cowardly_executable": ("Never fork an executable that is mapped (Phillips 2015)", {"optout": "executable"}),
    "cowardly_or_pinned": (
        "Never fork a file that is mapped or whose folio may be pinned",
        {"optout": "mapped_or_pinned", "optout_atomic": "yes"},
    ),
    "cowardly_ever": ("Never fork a file that is or was mapped", {"optout": "ever_mapped", "optout_atomic": "yes"}),
    "reverse_fork_busy": (
        "Reverse fork, writing in place where it comes too late",
        {**REVERSE_FORK, "busy": "in_place"},
    ),
    "reverse_unbounced_busy": (
        "Reverse fork with no bounce copy, writing in place where it comes too late",
        {**REVERSE_FORK, "busy": "in_place", "bounce": "no"},
    ),
    "reverse_fork_clean": ("Reverse fork without re-dirtying pinned folios", {**REVERSE_FORK, "redirty": "no"}),
    "stable_bounced": (
        "Tux3 that never forks, waits and bounces what may be pinned (after Kara's outline, 2023)",
        {"fork": "never", "bounce": "pinned", "redirty": "yes"},
    ),
    "pin_forks_slow": ("Tux3, and the slow GUP walk forks first", {"pinfork": "slow"}),
    "pin_forks": ("Tux3, and both GUP walks fork first", {"pinfork": "slow_fast"}),
    "pin_forks_all": (
        "Tux3, and both GUP walks fork first, for read-only pins too",
        {"pinfork": "slow_fast", "pinfork_for": "all"},
    ),
    "swept": ("Tux3, PTEs write-protected folio by folio after the delta has closed", {"protect": "sweep"}),
    "protected": ("Tux3, PTEs write-protected before the next delta begins", {"protect": "barrier"}),
    "pins_unmapped": (
        "Fork unless pinned, decided with no PTE left; else wait",
        {"fork": "unless_pinned_unmapped"},
    ),
    "queued": ("Tux3 that takes a dirty call on a clean folio", {"dirty_clean": "queue"}),
    "forward_page": (
        "Tux3 that forwards a dirty call on a forked folio, the whole page",
        {"dirty_clean": "queue", "dirty_forked": "forward_page"},
    ),
    "forward_range": (
        "Tux3 that forwards a dirty call on a forked folio, the bytes written",
        {"dirty_clean": "queue", "dirty_forked": "forward_range"},
    ),
    "tux3_locked": ("Tux3, and plain references look again under the folio lock", {"retranslate": "locked"}),
    "tux3_locked_stable": (
        "Tux3, and plain references look again under the folio lock and not during write-out",
        {"retranslate": "locked_stable"},
    ),
    "no_index_of_copy": (
        "The one with a registry, which does not know the copy as being forked",
        {**PERFECT_INDEX, "off": "index_of_copy"},
    ),
    "no_snapshot_protect": (
        "The disk's copy of every page, made under writable PTEs",
        {**COPY_FOR_DISK, "off": "snapshot_protect"},
    ),
    "no_mkclean": ("Tux3 with the write-protect before the copy switched off", {"off": "mkclean"}),
    "no_lock_order": ("Tux3 with the section begun before the folio lock", {"off": "lock_order"}),
    "no_own_reference": ("Tux3 with the forked folio's own reference switched off", {"off": "own"}),
    "no_own_recheck": (
        "The same, with a page migration that compares the slot",
        {"off": "own", "migrate_recheck": "yes"},
    ),
    "redirect_all": ("Tux3 that redirects private mappings too", {"redirect": "all"}),
    "redirect_all_recheck": (
        "Tux3 that redirects private mappings too, with read faults that look again",
        {"redirect": "all", "recheck": "yes"},
    ),
    "no_private_copy": ("Tux3 with uprobes' private copy switched off", {"off": "private_copy"}),
    "no_uprobe_retry": (
        "Tux3 that redirects private mappings too, with uprobes' second look at the PTE switched off",
        {"redirect": "all", "recheck": "yes", "off": "uprobe_retry"},
    ),
    "migration_wait_holder": (
        "The rule of page migration, then wait for the holder",
        {"fork": "unless_refs_frozen", "refuse": "wait_holder"},
    ),
    "migration_in_place": (
        "The rule of page migration, then write in place",
        {"fork": "unless_refs_frozen", "refuse": "in_place"},
    ),
    "migration_reverse": (
        "The rule of page migration; a folio that may not move keeps its users and the disk gets the copy",
        {**REVERSE_FORK, "fork": "unless_refs_frozen"},
    ),
    "no_clone_dirty": (
        "Tux3 with a truncated page left clean, though its old folio is not on disk",
        {"off": "clone_dirty"},
    ),
    "no_truncate_lock": (
        "Tux3 with all CPU paths coherent, and truncation that does not keep page_mkwrite out",
        {**COHERENT, "off": "truncate_lock"},
    ),
    "no_forced_free": (
        "Tux3 whose eviction leaves forked folios that are still held alone",
        {"off": "forced_free"},
    ),
    "no_flag_order": (
        "Both GUP walks fork first, with PG_dirty cleared before PG_writeback is set",
        {"pinfork": "slow_fast", "off": "flag_order"},
    ),
    "no_superblock_order": (
        "Tux3 with the superblock written before all I/O of the delta is done",
        {"off": "superblock"},
    ),
    "unshares": (
        "Tux3 on a kernel whose long-term pins of private memory make the copy first (v6.2)",
        {"unshare": "yes"},
    ),
    "no_accounting": ("Tux3 with page migration's account of references switched off", {"off": "accounting"}),
    "no_reclaim_accounting": (
        "Tux3 with reclaim's account of references switched off",
        {"off": "reclaim_accounting"},
    ),
    "bond_wait": ("Tux3 whose truncation waits until nobody holds the page (DAX)", {"bond": "wait"}),
    "bond_refuse": ("Tux3 that refuses to truncate a page that is held (QEMU with VFIO)", {"bond": "refuse"}),
    "bond_tell": ("Tux3 that tells long-term holders of a page to be truncated, and they let go", {"bond": "tell"}),
    "lend_bounced": ("Tux3 that sends a copy of what is lent for a direct write (XFS, v7.0)", {"lend": "bounce"}),
    "evict_drop": (
        "The perfect one, whose unmount drops what is dirty for a pin",
        {**PERFECT, "evict_dirty": "drop"},
    ),
    "evict_wait": (
        "The perfect one, whose unmount waits for who holds what is dirty",
        {**PERFECT, "evict_dirty": "wait"},
    ),
    "evict_wait_writing": (
        "The perfect one, whose unmount waits for who holds what is dirty and may write to it",
        {**PERFECT, "evict_dirty": "wait_writing"},
    ),
}


# What a named policy is not meant to keep: without deltas there is no cut, and no promise that a device is in one.
NOT_PROMISED = dict.fromkeys(("mainline_6_5", "btrfs_csum"), ("I4b", "I6", "I6m", "I6d"))


def not_promised(policy: dict[str, str]) -> tuple[str, ...]:
    """The properties that the named policy which `policy` is does not promise; none if it is no such policy."""
    return next((props for name, props in NOT_PROMISED.items() if named_policy(name) == policy), ())


def named_policy(name: str) -> dict[str, str]:
    """The whole policy that a name of the table stands for."""
    return FEATURES.policy(TUX3, **NAMED[name][1])
