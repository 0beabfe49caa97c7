"""Tar files for tests."""

import io
import tarfile


def write_tar(path, members):
    """Members as (name, bytes), or as a TarInfo of another kind."""
    with tarfile.open(path, "w") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
                continue
            name, content = member
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return path
