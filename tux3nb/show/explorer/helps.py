"""A line of help and a source for every value of every feature, for the pop-up of a word of the policy."""

from __future__ import annotations

from collections.abc import Mapping

PROPOSAL = "a proposal; no kernel has it"
#: feature -> value -> (what it means, where that is read)
HELP: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "fork": {
        "never": (
            "No page is ever copied. What a writer does with a page of an older delta is the next choice.",
            "Linux, mm/page-writeback.c:wait_for_stable_page",
        ),
        "always": (
            "A page of an older delta, or one under write-out, is copied, whoever holds it. Nobody is asked.",
            "Tux3, fs/tux3/buffer_fork.c:need_fork (18a490ba)",
        ),
        "unless_refs": (
            "The references are counted before the PTEs are write-protected. A hold that comes later is missed.",
            "van Riel, 14 May 2015",
        ),
        "unless_refs_frozen": (
            "All PTEs are taken away and the count is frozen, so that nobody can come in between.",
            "Linux, mm/migrate.c:folio_migrate_mapping (0003e2a4)",
        ),
        "unless_pinned": (
            "Only counted pins (FOLL_PIN) refuse the fork. A pin can come between the question and the copy.",
            "Linux, Documentation/core-api/pin_user_pages.rst (07c7b547)",
        ),
        "unless_pinned_sync": (
            "The question comes after write-protect and TLB flush. A new pin for writing has to fault first.",
            "Linux, mm/gup.c:gup_pte_range (80a79516): it reads the PTE again",
        ),
        "unless_pinned_unmapped": (
            "The question comes when no PTE is left. No new pin can come in between, not even one for reading.",
            "Linux, mm/migrate.c:try_to_migrate (0003e2a4)",
        ),
        "unless_registered": (
            "A registry knows every hold of the folio: pins and plain references. It is heavy and exact.",
            PROPOSAL,
        ),
    },
    "refuse": {
        "wait_writeback": (
            "The writer waits until the older delta is on disk. It waits for I/O, not for the holder.",
            "Linux, mm/page-writeback.c:wait_for_stable_page",
        ),
        "wait_holder": (
            "The writer waits until nobody holds the folio. A registered region may be held for ever.",
            "Linux, truncation on DAX waits so (recalled)",
        ),
        "in_place": (
            "The writer writes into the page that the disk may be reading, and into the older delta.",
            "Linux before v3.0; ext4 and xfs on devices that do not ask for stable pages",
        ),
        "reverse": (
            "The page stays with all its users. The copy is made for the disk, and belongs to the older delta.",
            "Linux, mm/memory.c:copy_present_page gives the copy to the party without pins (70e806e4e645, recalled)",
        ),
        "wait_submitted": (
            "The writer waits only while this folio is under write-out, and else writes in place.",
            "Linux, mm/page-writeback.c:folio_wait_stable",
        ),
    },
    "busy": {
        "in_place": (
            "The disk may already have read the folio, and no copy helps. The writer writes in place.",
            "Tux3, fs/tux3/buffer_writeback.c:bufvec_bio_add_page (01360bf0)",
        ),
        "wait": (
            "The writer waits for that one I/O, and for nothing else.",
            "Linux, mm/filemap.c:folio_wait_writeback",
        ),
    },
    "stable_stores": {
        "no": (
            "Only write(2) waits for a device that asks for stable pages. A store does not.",
            "Tux3, fs/tux3/filemap_mmap.c:tux3_page_mkwrite (7e0293b4)",
        ),
        "yes": ("A store that faults waits, too.", "Linux, mm/filemap.c:filemap_page_mkwrite"),
    },
    "bounce": {
        "no": ("The disk reads the folio itself.", "Tux3, fs/tux3/buffer_writeback.c (01360bf0)"),
        "pinned": (
            "Of a folio that may be pinned a copy is sent. What the holder writes meanwhile is not in it.",
            "Jan Kara, RFC 'Writeback handling of pinned pages', 9 February 2023",
        ),
        "all": (
            "Of every folio a copy is sent.",
            "Linux v3.9 for ext3: must_snapshot_stable_pages (ffecfd1a72fc, recalled)",
        ),
    },
    "redirect": {
        "shared": (
            "Writable shared mappings follow the fork. A MAP_SHARED mapping of an O_RDONLY file does not.",
            "Tux3, mm/rmap.c:page_cow_file (acb71e58): it tests VM_SHARED",
        ),
        "mayshare": (
            "Every shared mapping follows the fork. A private one that has not copied yet does not.",
            "Linux clears VM_SHARED and keeps VM_MAYSHARE for such files, mm/mmap.c:do_mmap",
        ),
        "all": (
            "Every PTE that leads to the old folio is pointed at the new one.",
            "Linux, mm/migrate.c does the same",
        ),
    },
    "redirect_orig": {
        "no": (
            "The mapping whose fault forks the page is left to its own fault handler.",
            "Tux3, mm/memory.c:do_wp_page (acb71e58)",
        ),
        "yes": (
            "The walk over the mappings changes this PTE, too; the fault is taken a second time.",
            "Tux3, fs/tux3/filemap_mmap.c (7e0293b4), the version of 2014",
        ),
    },
    "flush_orig": {
        "no": (
            "Another thread of the process may go on through its TLB, on the old folio.",
            "Tux3, mm/memory.c:do_wp_page (acb71e58): a plain set_pte_at",
        ),
        "yes": ("The TLBs of the process forget the old folio before the new PTE is there.", "Linux, ptep_clear_flush"),
    },
    "notify_orig": {
        "no": (
            "A device or a guest that mirrors this PTE goes on with the old folio.",
            "Tux3, mm/memory.c:do_wp_page (acb71e58)",
        ),
        "yes": (
            "Whoever mirrors the page table is told before the PTE changes.",
            "Linux, mmu_notifier_invalidate_range_start",
        ),
    },
    "recheck": {
        "no": (
            "A read fault that slept on the folio's lock maps the folio that it found before, forked or not.",
            "Tux3, mm/filemap.c:filemap_fault (9c3845ed): it tests the mapping only",
        ),
        "yes": (
            "A read fault looks the page up again once it has the lock.",
            "a few lines in mm/filemap.c:filemap_fault",
        ),
    },
    "optout": {
        "nothing": ("Every file may be forked.", "Tux3, fs/tux3/buffer_fork.c (18a490ba)"),
        "executable": (
            "No page of a file that somebody runs is forked.",
            "Phillips, 15 May 2015: maybe no forking of executable files",
        ),
        "shared_writable": (
            "No page is forked while the file has a writable shared mapping.",
            "Linux, include/linux/fs.h:mapping_writably_mapped",
        ),
        "mapped": (
            "No page is forked while the file is mapped. A pin may outlive the mapping.",
            "Phillips, 15 May 2015: being cowardly",
        ),
        "ever_mapped": ("No page is forked once the file has been mapped.", PROPOSAL),
        "mapped_or_pinned": ("No page is forked while the file is mapped or the folio may be pinned.", PROPOSAL),
    },
    "optout_atomic": {
        "no": ("A mapping can come between the decision and the fork.", "a plain test of mapping->i_mmap"),
        "yes": (
            "mmap waits until the fork that has been decided on is over.",
            "a lock that mmap takes, such as i_mmap_rwsem",
        ),
    },
    "bond": {
        "ends": ("A truncated page stays with its holder, and is the file's no more.", "Linux, mm/truncate.c"),
        "wait": ("The truncation waits until nobody holds the page.", "Linux, file systems on DAX (recalled)"),
        "refuse": (
            "The discard is refused while somebody holds the page.",
            "Linux, VFIO and virtio-balloon (recalled)",
        ),
        "tell": ("A long-term holder is told to let go.", "Linux, layout leases of file systems on DAX (recalled)"),
    },
    "evict_dirty": {
        "assert": ("An inode whose page is still dirty is a bug.", "Tux3, fs/tux3/inode.c:tux3_drop_inode"),
        "drop": ("What a holder has written since is lost.", "what evict() does to a clean inode"),
        "wait": ("Eviction waits while the page may be pinned; who only reads need never let go.", PROPOSAL),
        "wait_writing": ("Eviction waits for who may write, and only for that: pins must tell.", PROPOSAL),
    },
    "pinfork": {
        "no": (
            "A pin is taken on the page of the older delta, and the fork comes after it.",
            "Linux, mm/gup.c knows no deltas",
        ),
        "slow": (
            "The walk with locks forks first. The fast walk passes by a PTE that is still writable.",
            "as FAULT_FLAG_UNSHARE does for private memory, mm/gup.c:gup_must_unshare (a7f226604170, recalled)",
        ),
        "slow_fast": ("Both walks fork first.", "the same, with the test in gup_fast_pte_range"),
    },
    "pinfork_for": {
        "write": ("Pins for reading stay on the old page.", "Linux, FOLL_WRITE"),
        "all": ("Pins for reading fork first, too.", "as unsharing does for read-only pins, v5.19 (recalled)"),
    },
    "redirty": {
        "no": (
            "Once written out the page is clean. What the device writes later is in no delta.",
            "Tux3, fs/tux3/buffer_writeback.c (01360bf0)",
        ),
        "yes": (
            "A pinned page is written in every delta, since nobody knows when the device wrote.",
            "Jan Kara, 9 February 2023: such a folio cannot be taken to be clean",
        ),
    },
    "lend": {
        "share": ("The checksum and the device may see different bytes.", "generic/761 of fstests"),
        "bounce": (
            "What is summed is what is sent.",
            "btrfs, 968f19c5b1b7: buffered write if the inode requires a checksum",
        ),
    },
    "longterm": {
        "allowed": ("RDMA may register the memory of a file.", "Linux before v6.5"),
        "refused": (
            "Registration fails. It is safe, and the program does not run.",
            "Linux v6.5, 8ac268436e6d and a6e79df92e4a",
        ),
        "all_refused": ("A device that only reads is turned away as well.", PROPOSAL),
    },
    "unshare": {
        "no": ("A read-only long-term pin of private memory holds the file's own folio.", "Linux before v6.2"),
        "yes": ("The process gets its own copy before the pin is taken.", "Linux v6.2, 84209e87c696 (recalled)"),
    },
    "retranslate": {
        "no": (
            "A debugger looks the page up once and copies then, whatever has happened meanwhile.",
            "Linux, mm/memory.c:__access_remote_vm",
        ),
        "locked": (
            "It takes the folio lock, and looks the page up again if the slot holds another folio.",
            "as page_mkwrite does, mm/filemap.c:filemap_page_mkwrite",
        ),
        "locked_stable": (
            "It waits for the write-out, too, so that the disk's bytes stay.",
            "as page_mkwrite does, with folio_wait_stable",
        ),
    },
    "dirty_clean": {
        "bug": ("Nobody may make a clean page dirty without a warning.", "Tux3, tux3_set_page_dirty_assert (7e0293b4)"),
        "lost": ("The page is dirty, and the write-out finds it unprepared and drops the data.", "ext4, cc5095747edf"),
        "queue": ("The page joins the current delta, and its bytes are written.", PROPOSAL),
    },
    "dirty_forked": {
        "assert": ("It warns, and is a BUG if the page is clean.", "Tux3, tux3_set_page_dirty_assert (7e0293b4)"),
        "drop": ("The call is taken and nothing happens.", "Linux, ext4 drops the page (cc5095747edf)"),
        "forward_page": ("All bytes of the old folio overwrite the new one, those that others wrote, too.", PROPOSAL),
        "forward_range": ("Only the bytes that the holder wrote are copied to the new folio.", PROPOSAL),
    },
    "enomem": {
        "oops": ("The fork goes on without a page.", "Tux3, clone_page (18a490ba): the result is not looked at"),
        "refuse": ("The writer does what it does for a refused fork.", PROPOSAL),
    },
    "warn_forked": {
        "warn": ("Whoever waited for the lock and finds a forked page warns, and looks again.", "Tux3, 18a490ba"),
        "warn_write": ("Only write(2) warns.", "Tux3, 489cb8dc"),
        "silent": ("It looks again without a word.", PROPOSAL),
    },
    "protect": {
        "no": (
            "A page stays writable through its PTEs until the flusher gets to it.",
            "Tux3, fs/tux3/commit.c:delta_transition (0181675c)",
        ),
        "sweep": (
            "The closed delta's pages are protected one after the other, while the next delta goes on.",
            PROPOSAL,
        ),
        "barrier": ("They are all protected before anybody works in the next delta.", PROPOSAL),
    },
    "quiesce": {
        "no": ("Devices write whenever they like.", "Linux, Documentation/core-api/pin_user_pages.rst (07c7b547)"),
        "wait": ("A delta closes only when nobody holds a page for writing.", PROPOSAL),
        "pause": ("What devices write meanwhile is held back until the copies are made.", PROPOSAL),
    },
    "migrate_recheck": {
        "no": ("Migration stores the new folio whatever the slot holds.", "Linux, folio_migrate_mapping (0003e2a4)"),
        "yes": ("Migration stores only where the slot still holds the folio.", "Linux about 4.1 (recalled)"),
    },
}
